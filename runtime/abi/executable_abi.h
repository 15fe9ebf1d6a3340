/*
 * executable_abi.h - a model as one program: what `lathe compile --executable` writes.
 *
 *   lathe-standalone, an ELF program that holds the runtime     | zeros up to a multiple of 4096
 *   the image of weights.bin, header and data (model_abi.h)     | zeros up to a multiple of 4096
 *   the image of model.so
 *   lathe_executable_trailer, the last bytes of the file
 *
 * The program maps its own file: the weights where they are, model.so through an anonymous file. So it needs libc and
 * nothing of Lathe.
 */
#ifndef LATHE_RUNTIME_ABI_EXECUTABLE_ABI_H
#define LATHE_RUNTIME_ABI_EXECUTABLE_ABI_H

#include <stdint.h>

#define LATHE_EXECUTABLE_MAGIC "LATHEEXE" /* 8 bytes, no terminator */
#define LATHE_EXECUTABLE_ALIGNMENT 4096

typedef struct lathe_executable_trailer {
  uint64_t weights_offset, weights_bytes; /* in the file; offset a multiple of LATHE_EXECUTABLE_ALIGNMENT */
  uint64_t program_offset, program_bytes; /* of model.so, likewise */
  char magic[8];
} lathe_executable_trailer;

#endif
