//===- MappedWeight.h - a weight that lies in a checkpoint's tensors ----------------------------------*- C++ -*-===//
//
// Where the rows of one role lie: in a tensor of their own, among those of other roles, in a tensor for each expert, the other
// way round, in another order, or as the numbers that a transform makes into theirs.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SPEC_MAPPEDWEIGHT_H
#define LATHE_COMPILER_SPEC_MAPPEDWEIGHT_H

#include "compiler/spec/Checkpoint.h"
#include "models/model.pb.h"

namespace lathe {

/// "[2, 3]".
std::string shapeText(llvm::ArrayRef<int64_t> shape);

/// Where the components of a rotating head lie in the checkpoint when its pairing is not the model's.
struct Rearrangement {
  int64_t headSize = 0, rotating = 0; ///< components; 0: as they are
  bool storedInterleaved = false;     ///< else half-split

  int64_t stored(int64_t row) const {
    const int64_t component = headSize == 0 ? rotating : row % headSize;
    if (component >= rotating)
      return row;
    const int64_t half = rotating / 2, first = row - component;
    return first + (storedInterleaved ? component % half * 2 + component / half : component / 2 + component % 2 * half);
  }
};

/// Where a role's rows lie in a tensor that several roles share: runs of `run` rows, each `stride` after the last.
struct Placement {
  int64_t first = 0, run = 0, stride = 0;
  int64_t total = 0; ///< rows of the whole tensor

  int64_t of(int64_t row) const { return first + row / run * stride + row % run; }
};

class MappedWeight : public Weight {
public:
  /// Rows (a vector's components) one after another: an expert's or a head's each (WeightShape::parts).
  std::vector<const uint8_t *> parts;
  std::vector<const uint8_t *> scales; ///< of the same parts: those of MXFP4 that lie apart (Tensor::scales)
  std::vector<const Tensor *> tensors; ///< the one that holds all parts, or one for each
  const std::string *file = nullptr;   ///< as messages name it
  bool vector = false, transposed = false;
  Rearrangement order;         ///< of a part's rows; of a vector: of its components
  Placement layout;            ///< of the same
  Format stored = Format::F32; ///< of the tensor; `format` differs where the weight is f32 whatever is stored
  spec::TensorBinding::Transform transform = spec::TensorBinding::AS_STORED;

  /// As the tensor's own shape counts, whatever this weight makes of it.
  std::string place(int64_t row, int64_t column) const override;

protected:
  llvm::Error makeBlocks(int64_t row, uint8_t *out) const override;

private:
  float transformed(float value) const;

  void readStored(int64_t row, uint8_t *out) const;

  /// A row's blocks, from block `first` on, as GGUF has them: the scale, then nibbles of columns i and i + 16, where
  /// the tensor has those of 2 i and 2 i + 1.
  void joinMxfp4(const uint8_t *nibbles, const uint8_t *scaleBytes, int64_t first, uint8_t *out) const;
};

} // namespace lathe

#endif
