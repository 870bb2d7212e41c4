"""The public names and the modules they come from: read by type checkers, and at run time."""

from kakehashi.config.reading import read_settings as read_settings
from kakehashi.config.settings import RunSettings as RunSettings
from kakehashi.corpora.assistant import generate as generate
from kakehashi.corpora.formats import read_source as read_source
from kakehashi.errors import ConfigError as ConfigError
from kakehashi.errors import CorpusError as CorpusError
from kakehashi.errors import KakehashiError as KakehashiError
from kakehashi.errors import MissingExtraError as MissingExtraError
from kakehashi.errors import ModelError as ModelError
from kakehashi.errors import RunError as RunError
from kakehashi.errors import TagError as TagError
from kakehashi.errors import TransferError as TransferError
from kakehashi.model.folder import load_model as load_model
from kakehashi.model.folder import save_model as save_model
from kakehashi.model.transfer import apply_transfer as apply_transfer
from kakehashi.model.transfer import plan_transfer as plan_transfer
from kakehashi.progress import Progress as Progress
from kakehashi.runtime.model_folder import read_model as read_model
from kakehashi.runtime.recognizer import Recognizer as Recognizer
from kakehashi.scoring.conlleval import score_tags as score_tags
from kakehashi.scoring.score import Score as Score
from kakehashi.scoring.score import score_mentions as score_mentions
from kakehashi.scoring.score import score_spans as score_spans
from kakehashi.sentence import Mention as Mention
from kakehashi.sentence import Sentence as Sentence
from kakehashi.sentence import Span as Span
from kakehashi.sentence import Token as Token
from kakehashi.tags import Tagset as Tagset
from kakehashi.tags import TypeMapping as TypeMapping
from kakehashi.tags import spans_from_tags as spans_from_tags
from kakehashi.tags import tags_from_spans as tags_from_spans
from kakehashi.text.readings import romanize as romanize
from kakehashi.text.segment import load_segmenter as load_segmenter
from kakehashi.training.train import train as train

__version__: str
