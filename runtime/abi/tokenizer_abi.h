/*
 * tokenizer_abi.h - the tokenizer that a bundle carries, as compiler and runtime share it.
 *
 * One blob inside weights.bin (lathe_model.tokenizer_offset, 64-aligned): a lathe_tokenizer, then the sections it
 * points to. Little-endian; section offsets are bytes from the blob's start, multiples of 8. The compiler resolves
 * everything that needs a name or a search (pre-tokeniser, chat template, merges as ids, hash tables), so the runtime
 * maps the blob, checks the sections' bounds and encodes.
 *
 * Symbols and tokens. Symbols 0 .. n_tokens-1 are the vocabulary's tokens; symbols from n_tokens on are strings that
 * some merge passes through but that are no tokens: where one is left over, it is written as the tokens of its bytes. A
 * symbol's bytes are what it stands for in plain text: a byte-level "Ġthe" is stored as " the", SentencePiece's "▁the"
 * as " the" and "<0x0A>" as the byte 0x0A; a control token's bytes are its spelling.
 */
#ifndef LATHE_RUNTIME_ABI_TOKENIZER_ABI_H
#define LATHE_RUNTIME_ABI_TOKENIZER_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LATHE_TOKENIZER_MAGIC "LATHETOK" /* 8 bytes, no terminator */
#define LATHE_TOKENIZER_VERSION 1u       /* raised with every change of this file */
#define LATHE_TOKENIZER_ALIGNMENT 8      /* of the blob and of every section */

/* How a piece of text becomes symbols. */
enum lathe_tokenizer_kind {
  LATHE_TOKENIZER_BPE = 1, /* merges by rank: `merges` */
  LATHE_TOKENIZER_SPM = 2 /* SentencePiece's BPE: two neighbours merge if together they are a token, best score first */
};

enum lathe_tokenizer_flag {
  LATHE_TOKENIZER_ADD_BOS = 1 << 0,
  LATHE_TOKENIZER_ADD_EOS = 1 << 1,
  LATHE_TOKENIZER_SPACE_PREFIX = 1 << 2,  /* a space goes before text that starts the input or follows a special token;
                                             decoding drops it again at the start */
  LATHE_TOKENIZER_ESCAPED_SPACE = 1 << 3, /* U+2581 in the input means a space, as SentencePiece has it */
  LATHE_TOKENIZER_IGNORE_MERGES = 1 << 4, /* a pre-token that is a token as a whole stays whole */
  LATHE_TOKENIZER_BYTE_LEVEL = 1 << 5,    /* BPE starts from bytes (byte_symbols); else from characters (piece_slots),
                                             and byte_symbols serve characters that have no symbol */
  LATHE_TOKENIZER_SPACE_STARTS = 1 << 6   /* SPM: no token has a space behind another character, so no merge crosses
                                             such a place and words may be encoded one by one */
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
  LATHE_TOKEN_LSTRIP = 0x10, /* takes ASCII white space on its left with it when matched */
  LATHE_TOKEN_RSTRIP = 0x20
};

/* `count` elements at `offset`. */
typedef struct lathe_section {
  uint32_t offset, count;
} lathe_section;

/* Two neighbours that become one. The index in `merges` is the rank: the lowest goes first. */
typedef struct lathe_merge {
  uint32_t left, right, result; /* symbols */
} lathe_merge;

/* A step of the pre-tokeniser: every match of the pattern becomes a piece of its own, and so does every stretch between
 * matches. The next step splits each of these pieces; no merge crosses the border of a piece. */
typedef struct lathe_split {
  lathe_section pattern; /* u8: a PCRE2 pattern, UTF and UCP, at most LATHE_MAX_PATTERN_BYTES */
} lathe_split;
#define LATHE_MAX_PATTERN_BYTES 65536
#define LATHE_MAX_SPLITS 32

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
  uint32_t max_symbol_bytes;   /* longest entry of the piece table */
  int32_t bos, eos, unk, pad;  /* token ids; -1: none */
  int32_t missing;             /* token for a character that the vocabulary cannot write at all; -1: it is left out */
  lathe_section symbol_starts; /* u32 [n_symbols + 1], ascending: symbol i is symbol_bytes[starts[i] .. starts[i+1]) */
  lathe_section symbol_bytes;  /* u8 */
  lathe_section types;         /* u8 [n_tokens] */
  lathe_section scores;        /* SPM: f32 [n_tokens]; BPE: empty */
  lathe_section merges;        /* BPE: lathe_merge, by rank */
  lathe_section merge_slots;   /* u32 [2^k]: index in merges + 1, or 0; lathe_merge_hash, linear probing */
  lathe_section piece_slots;   /* u32 [2^k]: symbol + 1 by its bytes, or 0; lathe_piece_hash, linear probing */
  lathe_section byte_symbols;  /* i32 [256]: symbol that writes a single byte, or -1 */
  lathe_section specials;      /* u32: control, user-defined and unknown tokens, by their bytes ascending */
  lathe_section stops;         /* u32: tokens that end the assistant's turn */
  lathe_section splits;        /* lathe_split, in order */
  lathe_section chat;          /* lathe_chat, 0 or 1 */
} lathe_tokenizer;

/* The hash functions of the two tables; a key's first slot is hash & (slots - 1). */
static inline uint32_t lathe_merge_hash(uint32_t left, uint32_t right) {
  uint64_t key = ((uint64_t)left << 32) | right;
  key *= 0x9e3779b97f4a7c15ull;
  return (uint32_t)(key >> 32) ^ (uint32_t)(key >> 29);
}

/* FNV-1a, folded. */
static inline uint32_t lathe_piece_hash(const uint8_t *bytes, size_t count) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (size_t i = 0; i < count; i++)
    hash = (hash ^ bytes[i]) * 0x100000001b3ull;
  return (uint32_t)(hash >> 32) ^ (uint32_t)hash;
}

#ifdef __cplusplus
}
#endif
#endif
