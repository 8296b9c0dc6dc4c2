"""Reports as token ids: a WordPiece vocabulary learned from a cohort, and the two sections."""

from collections.abc import Sequence

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from radfoundry.text.labeler.headings import sections

PAD, UNKNOWN, START, END, MASK = SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def learn(texts: Sequence[str], size: int) -> list[str]:
    """Return a vocabulary of at most `size` word pieces, the special ones first, in order of id.

    Equal texts give an equal vocabulary: the letters get their ids here, because the trainer would
    give them in the order of a hash that changes from run to run, and break ties by them.
    """
    blank = _blank(models.WordPiece(unk_token=UNKNOWN), lowercase=True)
    letters = sorted({c for t in texts for c in blank.normalizer.normalize_str(t) if c.strip()})
    first = [*SPECIAL, *letters, *(f"##{letter}" for letter in letters)]
    trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=first, show_progress=False)
    blank.train_from_iterator(texts, trainer)
    return sorted(blank.get_vocab(), key=blank.get_vocab().__getitem__)


def tokenizer(vocabulary: Sequence[str], lowercase: bool = True) -> Tokenizer:
    """Return the tokenizer of a vocabulary, whose words stand in order of their ids."""
    missing = sorted(set(SPECIAL) - set(vocabulary))
    if missing:
        raise ValueError(f"the vocabulary of {len(vocabulary)} words lacks {', '.join(missing)}")
    ids = {word: i for i, word in enumerate(vocabulary)}
    return _blank(models.WordPiece(ids, unk_token=UNKNOWN), lowercase)


def parts(text: str) -> tuple[str, str]:
    """Return the findings and the impression of a report; a prompt without headings is findings.

    >>> parts("FINDINGS: No effusion. IMPRESSION: Normal chest.")
    ('No effusion.', 'Normal chest.')
    >>> parts("large right pleural effusion")
    ('large right pleural effusion', '')
    """
    found = sections(text)
    return (
        " ".join(part for kind, part in found if kind == "findings"),
        " ".join(part for kind, part in found if kind == "impression"),
    )


def ids_of(text: str, words: Tokenizer) -> tuple[list[int], list[int]]:
    """Return the ids of the findings and of the impression, without special ones."""
    findings, impression = parts(text)
    return words.encode(findings).ids, words.encode(impression).ids


def id_of(word: str, words: Tokenizer) -> int:
    """Return the id of one word of the vocabulary.

    Raises:
        ValueError: The vocabulary has no such word.
    """
    number = words.token_to_id(word)
    if number is None:
        raise ValueError(f"the vocabulary has no {word!r}")
    return number


def joined(
    findings: Sequence[int], impression: Sequence[int], words: Tokenizer, longest: int
) -> tuple[list[int], list[int]]:
    """Return "[CLS] findings [SEP] impression [SEP]" as ids, and which part each belongs to.

    The last words of the longer part go until the whole has at most `longest` ids. Without an
    impression its separator is left out.
    """
    first, second = list(findings), list(impression)
    while len(first) + len(second) + 2 + bool(second) > longest:
        (first if len(first) >= len(second) else second).pop()
    start, end = id_of(START, words), id_of(END, words)
    ids = [start, *first, end] + ([*second, end] if second else [])
    return ids, [0] * (len(first) + 2) + [1] * (len(ids) - len(first) - 2)


def _blank(model: models.Model, lowercase: bool) -> Tokenizer:
    words = Tokenizer(model)
    words.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return words
