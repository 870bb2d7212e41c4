"""Encoders in the format of Hugging Face, with the library transformers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kakehashi.errors import ModelError
from kakehashi.extras import require

_LONGEST = 512  # pieces; attention costs time and memory with their square


class HubNetwork:
    """Pieces and states of an encoder in a folder; see `kakehashi.encoders.encoder.Network`.

    Only weights in safetensors are read, and no code of the folder is run. `ModelError` if a file
    is missing or does not fit the others.
    """

    def __init__(self, path: Path, dtype: torch.dtype, device: torch.device) -> None:
        library = require("transformers", "teacher")
        library.logging.set_verbosity_error()
        library.logging.disable_progress_bar()
        self._tokenizer: Any = _load(path, library.AutoTokenizer)
        options = {"dtype": dtype, "use_safetensors": True, "output_loading_info": True}
        model, report = _load(path, library.AutoModel, **options)
        # Without a pooler, which makes one vector of a sentence, it is an encoder all the same.
        missing = [name for name in sorted(report["missing_keys"]) if "pooler" not in name]
        if missing:
            problem = f"its weights lack {missing[0]}; config.json is of another encoder"
            raise ModelError(path, f"{problem}, or the file is incomplete")
        self._model, config = model.to(device).eval(), model.config
        if config.is_encoder_decoder:
            raise ModelError(path, "has a decoder too; expected an encoder, such as BERT")
        self.n_layers, self.width = config.num_hidden_layers, config.hidden_size
        positions = getattr(config, "max_position_embeddings", _LONGEST + 2) - 2  # XLM-R's offset
        self.longest = min(_LONGEST, self._tokenizer.model_max_length, positions)
        first, last = self._tokenizer.cls_token_id, self._tokenizer.sep_token_id
        self.edges = ([] if first is None else [first], [] if last is None else [last])
        n_pieces, n_rows = len(self._tokenizer), model.get_input_embeddings().num_embeddings
        if n_pieces > n_rows:
            problem = f"its tokenizer has {n_pieces:,} pieces, its embedding {n_rows:,} rows"
            raise ModelError(path, f"{problem}; take the tokenizer that it was trained with")

    def pieces(self, form: str) -> list[int]:
        """Cut a form into pieces; one that the tokenizer drops is unknown."""
        ids: list[int] = self._tokenizer(form, add_special_tokens=False)["input_ids"]
        return ids or [self._tokenizer.unk_token_id or 0]

    def states(self, ids: Tensor, lengths: Tensor, layers: Sequence[int]) -> list[Tensor]:
        """Compute the states of some layers; those of padding mean nothing."""
        mask = torch.arange(ids.shape[1], device=ids.device) < lengths[:, None]
        output = self._model(input_ids=ids, attention_mask=mask.long(), output_hidden_states=True)
        return [output.hidden_states[layer] for layer in layers]


def _load(path: Path, kind: Any, **options: object) -> Any:  # noqa: ANN401 what the library has
    try:
        return kind.from_pretrained(str(path), local_files_only=True, **options)
    except Exception as error:  # of a dozen kinds
        reason = " ".join(str(error).split())[:300]
        raise ModelError(path, f"cannot be loaded as a Hugging Face encoder ({reason})") from error
