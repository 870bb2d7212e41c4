import pytest

from kakehashi.errors import TrackingError
from kakehashi.tracking.tensorboard import TensorBoardTracker

events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
SETTINGS = {"training.seed": 1, "model.decoder": "crf", "transfer": None}


def read(folder):
    return events.EventAccumulator(str(folder / "tensorboard")).Reload()


def scalars(folder):
    found = read(folder)
    return {
        name: [(event.step, event.value) for event in found.Scalars(name)]
        for name in found.Tags()["scalars"]
    }


def start(folder):
    tracker = TensorBoardTracker(folder, SETTINGS)
    tracker.check()
    return tracker, tracker.begin()


def test_what_is_told_is_in_event_files(tmp_path):
    tracker, epoch = start(tmp_path)
    assert epoch == 0
    tracker.log({"epoch/loss": 0.5, "epoch/seconds": 2.0}, 1)
    assert scalars(tmp_path) == {"epoch/loss": [(1, 0.5)], "epoch/seconds": [(1, 2.0)]}
    tracker.log({"types/LOC": 75.0, "types/時間": 25.0}, 1)
    tracker.sign("kakehashi|conlleval")
    tracker.end("finished")
    assert scalars(tmp_path)["types/時間"] == [(1, 25.0)]
    [text] = read(tmp_path).Tensors("signature/text_summary")
    assert text.tensor_proto.string_val == [b"kakehashi|conlleval"]


def test_settings_are_hyperparameters_of_the_run_itself(tmp_path):
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    tracker, _ = start(tmp_path)
    tracker.end("finished")
    metadata = read(tmp_path).SummaryMetadata("_hparams_/session_start_info")
    found = HParamsPluginData.FromString(metadata.plugin_data.content).session_start_info.hparams
    assert found["training.seed"].number_value == 1
    assert found["model.decoder"].string_value == "crf"
    assert found["transfer"].string_value == "none"
    assert [path.is_file() for path in (tmp_path / "tensorboard").iterdir()] == [True]


def test_a_second_start_goes_on_after_what_is_there(tmp_path):
    tracker, _ = start(tmp_path)
    for number in (1, 2):
        tracker.log({"epoch/seconds": number}, number)
    tracker.end("killed")
    [first] = (tmp_path / "tensorboard").iterdir()
    with first.open("ab") as file:
        file.write(b"\x18\x00\x00")  # a process killed while it wrote
    tracker, epoch = start(tmp_path)
    assert epoch == 2
    tracker.log({"epoch/seconds": 3}, 3)
    tracker.end("finished")
    assert scalars(tmp_path)["epoch/seconds"] == [(1, 1.0), (2, 2.0), (3, 3.0)]


def test_a_folder_that_cannot_be_written_to_is_one_line(tmp_path):
    (tmp_path / "tensorboard").write_text("a file")
    with pytest.raises(TrackingError, match=r"tensorboard cannot be written to \(File exists\)"):
        start(tmp_path)
