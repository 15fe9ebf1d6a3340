#include "compiler/spec/Checks.h"

namespace lathe {

static constexpr uint32_t maxState = 1 << 12, maxConvWidth = 64;

void fillMamba(spec::Mamba &mamba, const spec::Model &model) {
  if (mamba.inner() == 0)
    mamba.set_inner(mamba.expansion() ? wholePart(mamba.expansion(), model.dim())
                                      : wholePart(mamba.head_size(), mamba.n_heads()));
  mamba.clear_expansion();
  if (mamba.norm_eps() == 0)
    mamba.set_norm_eps(model.norm().eps());
  if (mamba.version() == spec::Mamba::S6 && mamba.dt_rank() == 0)
    mamba.set_dt_rank((model.dim() + 15) / 16);
  if (mamba.version() != spec::Mamba::SSD)
    return;
  if (mamba.n_heads() == 0 && mamba.head_size() > 0)
    mamba.set_n_heads(mamba.inner() / mamba.head_size());
  if (mamba.head_size() == 0 && mamba.n_heads() > 0)
    mamba.set_head_size(mamba.inner() / mamba.n_heads());
  if (mamba.n_groups() == 0)
    mamba.set_n_groups(1);
}

void checkMamba(const spec::Model &layer, Checks &checks) {
  const spec::Mamba &mamba = layer.mamba();
  const bool heads = mamba.version() == spec::Mamba::SSD;
  checks.require(heads || mamba.version() == spec::Mamba::S6, "mamba.version is not set: S6 or SSD");
  checks.range("mamba.inner", mamba.inner(), maxHidden);
  checks.require(mamba.inner() != 1, "mamba.inner = 1 is not from 2 to {0}", maxHidden);
  checks.range("mamba.state_size", mamba.state_size(), maxState);
  checks.range("mamba.conv_width", mamba.conv_width(), maxConvWidth);
  checks.notNegative("mamba.norm_eps", mamba.norm_eps());
  checks.notNegative("mamba.dt_min", mamba.dt_min());
  checks.notNegative("mamba.dt_max", mamba.dt_max());
  checks.require(mamba.dt_max() == 0 || mamba.dt_min() <= mamba.dt_max(), "mamba.dt_min = {0} is above dt_max = {1}",
                 Checks::text(mamba.dt_min()), Checks::text(mamba.dt_max()));
  checks.require(spec::Mamba_ParameterNorm_IsValid(mamba.parameter_norm()), "mamba.parameter_norm = {0} is unknown",
                 static_cast<int>(mamba.parameter_norm()));
  checks.require(spec::Mamba_GatedNorm_IsValid(mamba.gated_norm()), "mamba.gated_norm = {0} is unknown",
                 static_cast<int>(mamba.gated_norm()));
  checks.require(!layer.residual().parallel(), "residual.parallel = true is of attention; mamba is sequential");
  if (!heads) {
    checks.range("mamba.dt_rank", mamba.dt_rank(), maxHidden);
    checks.require(mamba.n_heads() == 0 && mamba.head_size() == 0 && mamba.n_groups() == 0,
                   "mamba.n_heads, head_size and n_groups are for mamba.version = SSD");
    checks.require(mamba.gated_norm() == spec::Mamba::UNNORMED, "mamba.gated_norm is for mamba.version = SSD");
    return;
  }
  checks.range("mamba.n_heads", mamba.n_heads(), maxHeads);
  checks.range("mamba.head_size", mamba.head_size(), maxHeadSize);
  checks.range("mamba.n_groups", mamba.n_groups(), mamba.n_heads());
  if (!checks.passed())
    return;
  checks.require(uint64_t(mamba.n_heads()) * mamba.head_size() == mamba.inner(),
                 "mamba.n_heads = {0} of mamba.head_size = {1} are not mamba.inner = {2}", mamba.n_heads(),
                 mamba.head_size(), mamba.inner());
  checks.require(mamba.n_heads() % mamba.n_groups() == 0, "mamba.n_groups = {0} does not divide mamba.n_heads = {1}",
                 mamba.n_groups(), mamba.n_heads());
  checks.require(mamba.parameter_norm() == spec::Mamba::NO_NORM && mamba.dt_rank() == 0,
                 "mamba.parameter_norm and dt_rank are for mamba.version = S6");
}

} // namespace lathe
