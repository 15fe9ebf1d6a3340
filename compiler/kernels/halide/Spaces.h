//===- Spaces.h - what the schedule of each family may vary -------------------------------------------*- C++ -*-===//
//
// Defined beside each family's builder. A family that leaves nothing to choose has an empty space.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_KERNELS_HALIDE_SPACES_H
#define LATHE_COMPILER_KERNELS_HALIDE_SPACES_H

#include "compiler/kernels/halide/Registry.h"

namespace lathe {

std::vector<Parameter> embedSpace(const EmbedKernel &kernel, const TargetDesc &target);
std::vector<Parameter> normSpace(const NormKernel &kernel, const TargetDesc &target);
std::vector<Parameter> linearSpace(const LinearKernel &kernel, const TargetDesc &target);
std::vector<Parameter> appendSpace(const AppendKernel &kernel, const TargetDesc &target);
std::vector<Parameter> attendSpace(const AttendKernel &kernel, const TargetDesc &target);
std::vector<Parameter> combineSpace(const CombineKernel &kernel, const TargetDesc &target);
std::vector<Parameter> routeSpace(const RouteKernel &kernel, const TargetDesc &target);
std::vector<Parameter> assignSpace(const AssignKernel &kernel, const TargetDesc &target);
std::vector<Parameter> collectSpace(const CollectKernel &kernel, const TargetDesc &target);
std::vector<Parameter> pointwiseSpace(const PointwiseKernel &kernel, const TargetDesc &target);
std::vector<Parameter> convSpace(const ConvKernel &kernel, const TargetDesc &target);
std::vector<Parameter> rotateSpace(const RotateKernel &kernel, const TargetDesc &target);
std::vector<Parameter> scanSpace(const ScanKernel &kernel, const TargetDesc &target);

} // namespace lathe

#endif
