/*
 * tokenizer_abi.h - the tokenizer that a bundle carries, as compiler and runtime share it.
 *
 * One blob inside weights.bin (lathe_model.tokenizer_offset, 64-aligned): a lathe_tokenizer, then the sections it
 * points to. Little-endian; section offsets are bytes from the blob's start, multiples of 8. The compiler resolves
 * everything that needs a name or a search (pre-tokeniser, chat template, merges as ids, hash tables), so the runtime
 * maps the blob, checks the sections' bounds and encodes.
 *
 * From text to tokens: special tokens are cut out of the text; each stretch between them goes through `normalizers`, is
 * split by `splits`, and each piece becomes symbols by the model `kind`.
 *
 * Symbols and tokens. Symbols 0 .. n_tokens-1 are the vocabulary's tokens; symbols from n_tokens on are strings that
 * some merge passes through but that are no tokens: where one is left over, it is written as the tokens of its bytes. A
 * symbol's bytes are what it stands for in plain text: a byte-level "Ġthe" is stored as " the", SentencePiece's "▁the"
 * as " the" and "<0x0A>" as the byte 0x0A. Its key is how text spells it after normalizers and splits ("▁the" where
 * they turn spaces into U+2581); a special token's key is its spelling. Where keys are stored at all they are stored
 * for every symbol; where they are not, they are the bytes.
 */
#ifndef LATHE_RUNTIME_ABI_TOKENIZER_ABI_H
#define LATHE_RUNTIME_ABI_TOKENIZER_ABI_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/abi/fnv.h"

#ifdef __cplusplus
extern "C" {
#endif

#define LATHE_TOKENIZER_MAGIC "LATHETOK" /* 8 bytes, no terminator */
#define LATHE_TOKENIZER_VERSION 4u       /* raised with every change of this file */
#define LATHE_TOKENIZER_ALIGNMENT 8      /* of the blob and of every section */

/* How a piece of text becomes symbols. */
enum lathe_tokenizer_kind {
  LATHE_TOKENIZER_BPE = 1, /* merges by rank: `merges` */
  LATHE_TOKENIZER_SPM =
      2, /* SentencePiece's BPE: two neighbours merge if together they are a token, best score first */
  LATHE_TOKENIZER_UNIGRAM = 3 /* of all ways to write the piece the one with the highest sum of scores */
};

enum lathe_tokenizer_flag {
  LATHE_TOKENIZER_STRIP_SPACE = 1 << 0,   /* decoding drops one space at the start of a text */
  LATHE_TOKENIZER_IGNORE_MERGES = 1 << 1, /* BPE: a piece that is a token as a whole stays whole */
  LATHE_TOKENIZER_BYTE_LEVEL = 1 << 2,    /* BPE starts from bytes (byte_symbols); else from characters (piece_slots),
                                             and byte_symbols serve characters that have no symbol */
  LATHE_TOKENIZER_FUSE_UNKNOWN = 1 << 3, /* neighbouring characters that cannot be written are one `missing` together */
  LATHE_TOKENIZER_MERGE_OVER_MISSING = 1 << 4, /* BPE: what cannot be written goes before merging, so that what stands
                                                  around it may merge; else nothing merges over it */
  LATHE_TOKENIZER_NORMALIZED_KEYS = 1 << 5,    /* special tokens' keys are spelled as the normalizers leave them */
  LATHE_TOKENIZER_SINGLE_SUMS = 1 << 6,        /* unigram: sums of scores are rounded to f32 */
  LATHE_TOKENIZER_STRIP_END_SPACE = 1 << 7     /* decoding drops one space at the end of a text */
};

/* GGUF's numbering. In `types`: the low four bits; lathe_token_attribute above. */
enum lathe_token_type {
  LATHE_TOKEN_NORMAL = 1,
  LATHE_TOKEN_UNKNOWN = 2,
  LATHE_TOKEN_CONTROL = 3,      /* matched in text only when the caller asks; has no text when decoded, unless asked */
  LATHE_TOKEN_USER_DEFINED = 4, /* always matched in text, before anything else */
  LATHE_TOKEN_UNUSED = 5,
  LATHE_TOKEN_BYTE = 6
};
#define LATHE_TOKEN_TYPE_MASK 0x0fu

enum lathe_token_attribute {
  LATHE_TOKEN_LSTRIP = 0x10, /* takes white space on its left with it when matched */
  LATHE_TOKEN_RSTRIP = 0x20,
  LATHE_TOKEN_SINGLE_WORD = 0x40, /* matched only where no word character (letter, mark, digit, _) stands beside it */
  LATHE_TOKEN_NORMALIZED = 0x80   /* matched after the normalizers, which its spelling goes through too */
};

/* `count` elements at `offset`. */
typedef struct lathe_section {
  uint32_t offset, count;
} lathe_section;

/* Two neighbours that become one. The index in `merges` is the rank: the lowest goes first. */
typedef struct lathe_merge {
  uint32_t left, right, result; /* symbols */
} lathe_merge;

/* A step that the pieces of a text go through, one after the other. Patterns are PCRE2's, compiled with UTF and UCP,
 * and see each piece as a text of its own; bytes that are no UTF-8 are never part of a match and pass every step. */
enum lathe_step_kind {
  LATHE_STEP_SPLIT = 1,   /* cuts each piece at the matches of `pattern`; lathe_split_flag. Not a normalizer */
  LATHE_STEP_WORDS = 2,   /* cuts before every run of `pattern`, a literal, that follows something else: where no
                             symbol reaches over such a place this only makes merging faster. Not a normalizer */
  LATHE_STEP_REPLACE = 3, /* every literal `pattern` becomes `text` */
  LATHE_STEP_REPLACE_PATTERN = 4, /* every match of `pattern` becomes `text` */
  LATHE_STEP_PREPEND = 5,         /* `text` goes before each piece that is not empty; lathe_prepend_flag */
  LATHE_STEP_STRIP = 6,           /* white space at the ends goes: flags 1 left, 2 right */
  LATHE_STEP_NORMALIZE = 7,       /* Unicode's forms: flags 0 NFD, 1 NFC, 2 NFKD, 3 NFKC */
  LATHE_STEP_LOWERCASE = 8,
  LATHE_STEP_STRIP_MARKS = 9,    /* drops combining marks */
  LATHE_STEP_SPELL_BYTES = 10,   /* bytes as characters of GPT-2's alphabet: a space is U+0120 */
  LATHE_STEP_UNSPELL_BYTES = 11, /* and back */
  LATHE_STEP_CHARSMAP = 12       /* `pattern`: SentencePiece's precompiled map, see runtime/text/CharsMap.h; flags 1:
                                    by graphemes; 2: keys of user-defined tokens, with U+2581 for spaces, pass as they are */
};

/* SPLIT: what becomes of the matches. */
enum lathe_split_flag {
  LATHE_SPLIT_ISOLATED = 0, /* each match is a piece, and so is each stretch between matches */
  LATHE_SPLIT_REMOVED = 1,
  LATHE_SPLIT_MERGED_WITH_PREVIOUS = 2,
  LATHE_SPLIT_MERGED_WITH_NEXT = 3,
  LATHE_SPLIT_CONTIGUOUS = 4, /* matches beside each other are one piece */
  LATHE_SPLIT_BEHAVIOUR_MASK = 7,
  LATHE_SPLIT_INVERT = 8 /* the stretches between matches count as matches, and matches as what is between */
};

enum lathe_prepend_flag {
  LATHE_PREPEND_IF_MISSING = 1, /* unless the piece starts with it */
  LATHE_PREPEND_AT_START = 2    /* only to what starts the input */
};

typedef struct lathe_step {
  uint32_t kind, flags;
  lathe_section pattern, text; /* u8 */
} lathe_step;
#define LATHE_MAX_PATTERN_BYTES 65536 /* but for the map */
#define LATHE_MAX_STEP_TEXT_BYTES 256
#define LATHE_MAX_STEPS 32

/* ---- chat -------------------------------------------------------------------------------------------------------*/

enum lathe_chat_role { LATHE_ROLE_SYSTEM = 0, LATHE_ROLE_USER = 1, LATHE_ROLE_ASSISTANT = 2, LATHE_ROLE_COUNT = 3 };

enum lathe_chat_flag {
  LATHE_CHAT_BOS = 1 << 0,            /* the conversation starts with the bos token */
  LATHE_CHAT_DEFAULT_SYSTEM = 1 << 1, /* a conversation that starts without a system message gets default_system */
  LATHE_CHAT_SYSTEM_IN_USER = 1 << 2, /* the system turn stands inside the first user turn, between the user's prefix
                                         and text; else it is a turn of its own */
  LATHE_CHAT_TRIM_SYSTEM = 1 << 4,    /* white space around the message's text is dropped: bit 4 + lathe_chat_role */
  LATHE_CHAT_TRIM_USER = 1 << 5,
  LATHE_CHAT_TRIM_ASSISTANT = 1 << 6,
  LATHE_CHAT_TRIM_JOINED = 1 << 7 /* TRIM_USER spares the front of a text that follows a system text in its turn */
};

/* Texts are u8 sections. Prefixes and suffixes are template text: special tokens in them are tokens. */
typedef struct lathe_chat_turn {
  lathe_section prefix, suffix;
} lathe_chat_turn;

typedef struct lathe_chat {
  uint32_t flags; /* lathe_chat_flag */
  uint32_t reserved;
  lathe_section name; /* of the data file: "chatml" */
  lathe_section default_system;
  lathe_chat_turn turns[LATHE_ROLE_COUNT]; /* by lathe_chat_role */
  lathe_section generation;                /* opens the assistant's turn */
} lathe_chat;

/* ---- the blob's head --------------------------------------------------------------------------------------------*/

typedef struct lathe_tokenizer {
  char magic[8];
  uint32_t version;
  uint32_t header_bytes; /* sizeof(lathe_tokenizer) */
  uint64_t blob_bytes;
  uint32_t kind;  /* lathe_tokenizer_kind */
  uint32_t flags; /* lathe_tokenizer_flag */
  uint32_t n_tokens, n_symbols;
  uint32_t max_key_bytes;      /* longest entry of the piece table */
  int32_t bos, eos, unk, pad;  /* token ids; -1: none */
  int32_t missing;             /* token for a character that the vocabulary cannot write at all; -1: it is left out */
  lathe_section symbol_starts; /* u32 [n_symbols + 1], ascending: symbol i is symbol_bytes[starts[i] .. starts[i+1]) */
  lathe_section symbol_bytes;  /* u8 */
  lathe_section types;         /* u8 [n_tokens] */
  lathe_section key_starts;    /* as symbol_starts, or empty: keys are the bytes */
  lathe_section key_bytes;     /* u8 */
  lathe_section scores;        /* SPM, unigram: f64 [n_tokens]; BPE: empty */
  lathe_section merges;        /* BPE: lathe_merge, by rank */
  lathe_section merge_slots;   /* u32 [2^k]: index in merges + 1, or 0; lathe_merge_hash, linear probing */
  lathe_section piece_slots;   /* u32 [2^k]: symbol + 1 by its key, or 0; lathe_piece_hash, linear probing */
  lathe_section byte_symbols;  /* i32 [256]: symbol that writes a single byte, or -1 */
  lathe_section specials;      /* u32: control, user-defined and unknown tokens that are matched in the text */
  lathe_section opening;       /* u32: tokens that the model wants before a text */
  lathe_section closing;       /* u32: and after it */
  lathe_section stops;         /* u32: tokens that end the assistant's turn */
  lathe_section normalizers;   /* lathe_step, in order */
  lathe_section splits;        /* lathe_step, in order */
  lathe_section chat;          /* lathe_chat, 0 or 1 */
  lathe_section inner_prefix;  /* u8: BPE from characters: in keys, before every character of a piece but the first */
  lathe_section end_suffix;    /* u8: and behind the last */
} lathe_tokenizer;

/* GPT-2's alphabet for bytes (Radford et al. 2019, encoder.py, bytes_to_unicode): bytes that Latin-1 prints are spelled
 * as themselves, the other 68 as U+0100, U+0101, ... in order. */
static inline uint32_t lathe_spelling_of_byte(uint8_t byte) {
  if (byte <= 0x20)
    return 0x100u + byte;
  if (byte >= 0x7f && byte <= 0xa0)
    return 0x121u + (byte - 0x7fu);
  return byte == 0xad ? 0x143u : byte;
}

/* The byte that a character spells, or -1. */
static inline int32_t lathe_byte_of_spelling(uint32_t character) {
  if (character >= 0x100 && character <= 0x120)
    return (int32_t)(character - 0x100);
  if (character >= 0x121 && character <= 0x142)
    return (int32_t)(character - 0x121 + 0x7f);
  if (character == 0x143)
    return 0xad;
  return character < 0x100 && lathe_spelling_of_byte((uint8_t)character) == character ? (int32_t)character : -1;
}

/* The hash functions of the two tables; a key's first slot is hash & (slots - 1). */
static inline uint32_t lathe_merge_hash(uint32_t left, uint32_t right) {
  uint64_t key = ((uint64_t)left << 32) | right;
  key *= 0x9e3779b97f4a7c15ull;
  return (uint32_t)(key >> 32) ^ (uint32_t)(key >> 29);
}

/* FNV-1a, folded. */
static inline uint32_t lathe_piece_hash_fold(uint64_t state) { return (uint32_t)(state >> 32) ^ (uint32_t)state; }
static inline uint32_t lathe_piece_hash(const uint8_t *bytes, size_t count) {
  uint64_t state = LATHE_FNV_START;
  for (size_t i = 0; i < count; i++)
    state = lathe_fnv_byte(state, bytes[i]);
  return lathe_piece_hash_fold(state);
}

#ifdef __cplusplus
}
#endif
#endif
