#include <algorithm>
#include <cmath>
#include <limits>

#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/numeric_map_internal.hpp"

namespace kolosal::transform {
namespace {

constexpr double kLargest = std::numeric_limits<double>::max();

struct ClipParams {
  std::string bounds = "fitted";
  double lower = -kLargest;  // JSON has no infinity
  double upper = kLargest;
};

/// Cuts numbers to bounds: those of the fitted cells of a column, so that later data stay within what
/// training saw, or given ones.
///
/// Types:   float32 stays float32, everything else becomes float64.
/// Missing: fit() ignores NaN and infinities; NaN stays, infinities become the bound.
/// Edge:    a column without a finite cell is cut at the given bounds alone.
/// Streams: exact, whatever the batches.
/// Source:  numpy.clip.
class Clip final : public NumericMap {
 public:
  explicit Clip(ClipParams params) : params_(std::move(params)) {
    if (!(params_.lower <= params_.upper))
      throw Error(ErrorCode::kInvalidParameter, "clip: lower is above upper: {} > {}", params_.lower,
                  params_.upper);
    if (params_.lower == -kLargest) params_.lower = -kInf;
    if (params_.upper == kLargest) params_.upper = kInf;
  }
  bool is_stateless() const override { return params_.bounds == "given"; }
  bool can_stream() const override { return true; }

 private:
  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView&,
              const Context& context) override {
    require_types(x, "clip", "numeric");
    do_begin_stream();
    if (params_.bounds == "given") return;
    context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
      const Numbers cells(x.column(c));
      for (const std::uint32_t row : rows) widen(c, cells[row]);
    });
    do_finish_fit(context);
  }
  void do_begin_stream() override {
    lower_.assign(input_columns().size(), params_.bounds == "given" ? params_.lower : kInf);
    upper_.assign(input_columns().size(), params_.bounds == "given" ? params_.upper : -kInf);
  }
  void do_partial_fit(const data::Frame& x, const data::TargetView&, const Context& context) override {
    require_types(x, "clip", "numeric");
    if (params_.bounds == "given") return;
    context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
      const Numbers cells(x.column(c));
      for (const double cell : cells.values()) widen(c, cell);
    });
  }
  void do_merge(const Transformer& other) override {
    if (params_.bounds == "given") return;
    const auto& clip = dynamic_cast<const Clip&>(other);
    for (std::size_t c = 0; c < lower_.size(); ++c) {
      lower_[c] = std::min(lower_[c], clip.lower_[c]);
      upper_[c] = std::max(upper_[c], clip.upper_[c]);
    }
  }
  void do_finish_fit(const Context&) override {
    for (std::size_t c = 0; c < lower_.size(); ++c) {
      if (lower_[c] > upper_[c]) std::swap(lower_[c], upper_[c]);  // no finite cell: no bounds
      // Given bounds hold for fitted ones too.
      lower_[c] = std::clamp(lower_[c], params_.lower, params_.upper);
      upper_[c] = std::clamp(upper_[c], params_.lower, params_.upper);
    }
  }
  void map(std::size_t column, std::span<double> cells) const override {
    const double low = lower_[column], high = upper_[column];
    for (double& cell : cells) cell = cell < low ? low : (cell > high ? high : cell);  // NaN stays
  }
  void do_save(artifact::Node& node) const override {
    node.set_array("lower", lower_);
    node.set_array("upper", upper_);
  }
  void do_load(const artifact::Node& node) override {
    lower_ = node.get_vector<double>("lower");
    upper_ = node.get_vector<double>("upper");
    check_saved_size("clip", {lower_.size(), upper_.size()}, input_columns().size());
  }
  void widen(std::size_t column, double cell) {
    if (!std::isfinite(cell)) return;
    lower_[column] = std::min(lower_[column], cell);
    upper_[column] = std::max(upper_[column], cell);
  }

  ClipParams params_;
  std::vector<double> lower_, upper_;
};

}  // namespace

TransformerInfo clip_info() {
  return describe<Clip>(
      "clip", "Cut numbers to the range of the fitted cells, or to given bounds.", "numeric",
      ParamTable<ClipParams>()
          .param("bounds", &ClipParams::bounds,
                 "fitted: the least and the greatest fitted number of each column, within "
                 "lower and upper; given: lower and upper.",
                 choice({"fitted", "given"}))
          .param("lower", &ClipParams::lower, "No number is below it; the default is no bound.")
          .param("upper", &ClipParams::upper, "No number is above it; the default is no bound."));
}

}  // namespace kolosal::transform
