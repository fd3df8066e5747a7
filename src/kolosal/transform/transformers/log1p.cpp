#include <cmath>
#include <limits>

#include "kolosal/kernel/elementary.hpp"
#include "kolosal/transform/numeric_map_internal.hpp"

namespace kolosal::transform {
namespace {

struct Log1pParams {
  std::string negative = "signed";
};

/// Takes the logarithm of 1 + x.
///
///   signed: sign(x) log(1 + |x|), for numbers of both signs;  missing: log(1 + x), and a cell of -1 or less
///   becomes missing.
///
/// Types:   float32 stays float32, everything else becomes float64. Missing: NaN stays; infinities stay.
/// Inverse: exact to rounding.
/// Source:  numpy.log1p.
class Log1p final : public NumericMap {
 public:
  explicit Log1p(Log1pParams params) : signed_(params.negative == "signed") {}
  bool is_stateless() const override { return true; }
  bool has_inverse() const override { return true; }

 private:
  void do_fit(const data::Frame& x, std::span<const std::uint32_t>, const data::TargetView&,
              const Context&) override {
    require_types(x, "log1p", "numeric");
  }
  void map(std::size_t, std::span<double> cells) const override {
    if (signed_) {
      kernel::signed_log1p(cells.data(), cells.data(), cells.size());
      return;
    }
    for (double& cell : cells)
      if (cell <= -1) cell = std::numeric_limits<double>::quiet_NaN();
    kernel::log1p(cells.data(), cells.data(), cells.size());
  }
  void unmap(std::size_t, std::span<double> cells) const override {
    for (double& cell : cells)
      cell = signed_ ? std::copysign(std::expm1(std::abs(cell)), cell) : std::expm1(cell);
  }
  void do_save(artifact::Node&) const override {}
  void do_load(const artifact::Node&) override {}

  bool signed_;
};

}  // namespace

TransformerInfo log1p_info() {
  return describe<Log1p>("log1p", "Take the logarithm of 1 + x, which tames long tails.", "numeric",
                         ParamTable<Log1pParams>().param(
                             "negative", &Log1pParams::negative,
                             "signed: sign(x) log(1 + |x|); missing: cells of -1 or less become missing.",
                             choice({"signed", "missing"})));
}

}  // namespace kolosal::transform
