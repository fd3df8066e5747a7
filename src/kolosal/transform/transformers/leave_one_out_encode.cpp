#include <cmath>

#include "kolosal/core/random.hpp"
#include "kolosal/transform/level_values_internal.hpp"

namespace kolosal::transform {
namespace {

struct LeaveOneOutParams {
  double noise = 0;
  std::int64_t max_classes = 30;
  std::string handle_unknown = "value";
  std::string handle_missing = "level";
};

// Of one level, or of all rows.
struct LevelSum {
  double n = 0, weight = 0, value = 0;
  void add(double rows, double w, double v) { add({rows, w, w * v}); }
  void add(const LevelSum& other) {
    n += other.n;
    weight += other.weight;
    value += other.value;
  }
};

/// A level becomes the mean of the target among its rows; a fitted row gets the mean of the OTHER rows
/// of its level.
///
///   transform:             sum / n of the level
///   fit_transform, row i:  (sum - y_i) / (n - 1), times a factor drawn from N(1, noise)
///
/// Classes: more than two give one column per class (<name>_loo_<class>), for the max_classes most
///          frequent.
/// Unknown: levels on one row, levels that no fitted row has and those of weight 0 get the mean of all
///          fitted rows, their own included: without it the mean of a lone row would tell its target by its
///          distance. handle_unknown has other answers for levels that no fitted row has.
/// Missing: is a level of its own, unless handle_missing says otherwise.
/// Edge:    within a level the encoding of a fitted row falls as its target rises, so a learner that
///          finds the levels again can read the target off it. Without noise, target_encode (out of
///          fold) is the safe one.
/// Weights: row weights of the target count.
/// Source:  agrees with LeaveOneOutEncoder of category_encoders (sigma = noise, but for the random
///          numbers).
class LeaveOneOutEncode final : public LevelValues {
 public:
  explicit LeaveOneOutEncode(LeaveOneOutParams params)
      : LevelValues("leave_one_out_encode", "_loo", params.max_classes,
                    {params.handle_unknown, params.handle_missing}),
        params_(std::move(params)) {}

 private:
  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
              const Context& context) override;
  std::vector<Named> do_fit_transform(const data::Frame& x, std::span<const std::uint32_t> rows,
                                      const data::TargetView& y, const Context& context) override;

  std::vector<double> values_of(const TargetSums::OfColumn& gathered,
                                const TargetOutputs& outputs) const override;
  // Of the sums of all slots; those of unseen levels become those of all rows.
  static std::vector<double> means_of(std::vector<LevelSum>& sums, const TargetOutputs& outputs);

  LeaveOneOutParams params_;
  // Within fit: what do_fit_transform() needs again.
  TargetOutputs outputs_;
  std::vector<std::vector<LevelSum>> sums_;  // column x (slot x output)
};

void LeaveOneOutEncode::do_fit(const data::Frame& x, std::span<const std::uint32_t> rows,
                               const data::TargetView& y, const Context& context) {
  require_types(x, "leave_one_out_encode", "category");
  outputs_ = TargetOutputs(y, rows, max_classes_);
  classes_ = outputs_.classes();
  tables_.assign(x.n_columns(), {});
  sums_.assign(x.n_columns(), {});
  rules_.begin_fit(x.n_columns());
  const std::size_t width = n_outputs();
  context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
    Table& table = tables_[c];
    std::vector<std::int64_t> counts;
    const CodeView codes = begin_column(x, c, rows, counts);
    auto& sums = sums_[c];
    sums.assign(table.levels.n_slots() * width, {});
    for (const std::uint32_t row : rows)
      for (std::size_t k = 0; k < width; ++k)
        sums[Levels::slot(codes[row]) * width + k].add(1, y.weight(row), outputs_.value(y.values[row], k));
    table.value = means_of(sums, outputs_);
    rules_.apply(counts, width, table.value);
  });
}

std::vector<double> LeaveOneOutEncode::values_of(const TargetSums::OfColumn& gathered,
                                                 const TargetOutputs& outputs) const {
  std::vector<LevelSum> sums;
  for (std::size_t slot = 0; slot < gathered.n_rows.size(); ++slot)
    for (std::size_t k = 0; k < outputs.size(); ++k)
      sums.push_back({static_cast<double>(gathered.n_rows[slot]), gathered.weight[slot],
                      gathered.sums[slot * outputs.size() + k].value});
  return means_of(sums, outputs);
}

std::vector<double> LeaveOneOutEncode::means_of(std::vector<LevelSum>& sums, const TargetOutputs& outputs) {
  const std::size_t width = outputs.size();
  std::vector<LevelSum> all(width);
  for (std::size_t i = 0; i < sums.size(); ++i) all[i % width].add(sums[i]);
  std::vector<double> out(sums.size());
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const std::size_t k = i % width;
    // Unseen levels among the fitted rows have nothing in common: the first slot is that of all rows.
    if (i < width) sums[i] = all[k];
    const LevelSum& sum = sums[i].n > 1 && sums[i].weight > 0 ? sums[i] : all[k];
    out[i] = (sum.weight > 0 ? sum.value / sum.weight : 0) + outputs.shift();
  }
  return out;
}

std::vector<Transformer::Named> LeaveOneOutEncode::do_fit_transform(const data::Frame& x,
                                                                    std::span<const std::uint32_t> rows,
                                                                    const data::TargetView& y,
                                                                    const Context& context) {
  do_fit(x, rows, y, context);
  const std::size_t width = n_outputs();
  auto out = encode(x, context, [&](std::size_t c, std::size_t k, std::vector<double>& cells) {
    const CodeView codes = rules_.fit_codes(tables_[c].levels, x.column(c));
    Rng rng(derive_seed(context.seed, {"leave_one_out_encode", x.name(c), k}));
    for (const std::uint32_t row : rows) {
      const std::size_t slot = Levels::slot(codes[row]);
      const LevelSum& sum = sums_[c][slot * width + k];
      const double rest = sum.weight - y.weight(row);
      // Else the cell holds the mean of all rows, or is missing by a rule.
      if (!std::isnan(cells[row]) && slot != Levels::slot(data::kUnseenCode) && sum.n > 1 && rest > 0)
        cells[row] = (sum.value - y.weight(row) * outputs_.value(y.values[row], k)) / rest + outputs_.shift();
      if (params_.noise > 0) cells[row] *= 1 + params_.noise * rng.normal();
    }
  });
  sums_.clear();
  return out;
}

}  // namespace

TransformerInfo leave_one_out_encode_info() {
  return describe<LeaveOneOutEncode>(
      "leave_one_out_encode",
      "Replace each level by the mean of the target, in training without the row's own target.", "category",
      ParamTable<LeaveOneOutParams>()
          .param("noise", &LeaveOneOutParams::noise,
                 "Training rows are multiplied by a number drawn from N(1, noise).", linear_range(0, 0.6))
          .limits(0, 100)
          .param("max_classes", &LeaveOneOutParams::max_classes,
                 "With more classes than this, only the most frequent get a column.")
          .limits(1, 1000)
          .param("handle_unknown", &LeaveOneOutParams::handle_unknown,
                 "Levels that training did not have: the mean of all rows (value), as missing cells, nan, or "
                 "an error.",
                 choice({"value", "missing", "nan", "error"}))
          .param("handle_missing", &LeaveOneOutParams::handle_missing,
                 "Missing cells: a level of their own, as an unknown level, nan, or an error.",
                 choice({"level", "unknown", "nan", "error"})));
}

}  // namespace kolosal::transform
