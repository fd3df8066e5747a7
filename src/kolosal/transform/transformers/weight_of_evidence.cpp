#include <algorithm>
#include <cmath>

#include "kolosal/transform/level_values_internal.hpp"

namespace kolosal::transform {
namespace {

struct WeightOfEvidenceParams {
  double regularization = 1;
  std::int64_t n_folds = 5;
  bool out_of_fold = true;
  std::int64_t max_classes = 30;
  std::string handle_unknown = "value";
  std::string handle_missing = "level";
};

// Weighted rows of a level: with and without the event.
struct Evidence {
  double n = 0, with = 0, without = 0;
  void add(const Evidence& other) {
    n += other.n;
    with += other.with;
    without += other.without;
  }
  Evidence minus(const Evidence& other) const {
    return {n - other.n, with - other.with, without - other.without};
  }
};

/// A level becomes its weight of evidence, ln(share of the events in it / share of the other rows in it):
///
///   ln( (with + r) / (all with + 2 r) / ((without + r) / (all without + 2 r)) ),  r = regularization
///
/// The event: class 1 of two; for more classes each class against the rest, in one column per class
///          (<name>_woe_<class>); for a number target a value above the median of the fitted rows.
/// Fitted rows: fit_transform() encodes each from the other inner folds, so no row sees its own target (turn
///          out_of_fold off for what category_encoders does: training rows as all others).
/// Unknown: levels on one row and levels that no fitted row has tell nothing and get 0; handle_unknown has
///          other answers for the latter.
/// Missing: is a level of its own, unless handle_missing says otherwise.
/// Weights: row weights of the target count.
/// Streams: classes only. Whether a number is an event is known when the median of all rows is.
/// Source:  Good (1950); agrees with WOEEncoder of category_encoders for two classes.
class WeightOfEvidence final : public LevelValues {
 public:
  explicit WeightOfEvidence(WeightOfEvidenceParams params)
      : LevelValues("weight_of_evidence", "_woe", params.max_classes,
                    {params.handle_unknown, params.handle_missing}),
        params_(std::move(params)) {}

 private:
  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
              const Context& context) override {
    fit_tables(x, rows, y, {}, context);
    by_fold_.clear();
  }
  std::vector<Named> do_fit_transform(const data::Frame& x, std::span<const std::uint32_t> rows,
                                      const data::TargetView& y, const Context& context) override;

  std::vector<double> values_of(const TargetSums::OfColumn& gathered,
                                const TargetOutputs& outputs) const override;
  void do_partial_fit(const data::Frame& x, const data::TargetView& y, const Context& context) override;

  // fold_of: empty, or the inner fold of each fitted row; then by_fold_ holds the encodings without each
  // fold.
  void fit_tables(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
                  std::span<const std::uint8_t> fold_of, const Context& context);
  double weight_of(const Evidence& level, const Evidence& all) const {
    if (level.n < 2) return 0;
    const double r = params_.regularization;
    return std::log((level.with + r) / (all.with + 2 * r)) -
           std::log((level.without + r) / (all.without + 2 * r));
  }

  // Of all slots (slot x output).
  std::vector<double> weights_of(const std::vector<Evidence>& level, const std::vector<Evidence>& all) const {
    std::vector<double> out(level.size());  // unseen: 0
    for (std::size_t i = all.size(); i < out.size(); ++i) out[i] = weight_of(level[i], all[i % all.size()]);
    return out;
  }

  WeightOfEvidenceParams params_;
  std::vector<std::vector<double>> by_fold_;  // within fit: column x ((fold x slot) x output)
};

// The median of the fitted rows, so that an event is a value above it.
double median_of(const data::TargetView& y, std::span<const std::uint32_t> rows) {
  if (rows.empty()) return 0;
  std::vector<double> values;
  for (const std::uint32_t row : rows) values.push_back(y.values[row]);
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

void WeightOfEvidence::fit_tables(const data::Frame& x, std::span<const std::uint32_t> rows,
                                  const data::TargetView& y, std::span<const std::uint8_t> fold_of,
                                  const Context& context) {
  require_types(x, "weight_of_evidence", "category");
  const TargetOutputs outputs(y, rows, max_classes_);
  classes_ = outputs.classes();
  const bool is_number = y.task == data::Task::kRegression;
  const double threshold = is_number ? median_of(y, rows) : 0;
  const std::size_t width = n_outputs();
  const std::size_t n_folds = fold_of.empty() ? 1 : static_cast<std::size_t>(params_.n_folds);
  tables_.assign(x.n_columns(), {});
  by_fold_.assign(x.n_columns(), {});
  rules_.begin_fit(x.n_columns());
  context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
    Table& table = tables_[c];
    std::vector<std::int64_t> counts;
    const CodeView codes = begin_column(x, c, rows, counts);
    const std::size_t n_slots = table.levels.n_slots(), n_cells = n_slots * width;
    std::vector<Evidence> parts(n_folds * n_cells), level(n_cells), of_fold(n_folds * width), all(width);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::uint32_t row = rows[i];
      const std::size_t fold = fold_of.empty() ? 0 : fold_of[i];
      for (std::size_t k = 0; k < width; ++k) {
        const bool event = is_number ? y.values[row] > threshold : outputs.value(y.values[row], k) == 1;
        const double weight = y.weight(row);
        const Evidence one{1, event ? weight : 0, event ? 0 : weight};
        const std::size_t cell = Levels::slot(codes[row]) * width + k;
        for (Evidence* sum :
             {&parts[fold * n_cells + cell], &level[cell], &of_fold[fold * width + k], &all[k]})
          sum->add(one);
      }
    }
    table.value = weights_of(level, all);
    rules_.apply(counts, width, table.value);
    if (fold_of.empty()) return;
    by_fold_[c].assign(n_folds * n_cells, 0.0);
    for (std::size_t f = 0; f < n_folds; ++f)
      for (std::size_t i = width; i < n_cells; ++i)
        by_fold_[c][f * n_cells + i] = weight_of(level[i].minus(parts[f * n_cells + i]),
                                                 all[i % width].minus(of_fold[f * width + i % width]));
  });
}

void WeightOfEvidence::do_partial_fit(const data::Frame& x, const data::TargetView& y,
                                      const Context& context) {
  if (x.n_rows() > 0 && y.task == data::Task::kRegression)
    throw Error(ErrorCode::kUnsupported,
                "weight_of_evidence of a number target can not be fitted batch by batch, because the median "
                "of all rows says which are events: use target_encode, or a target of two classes");
  LevelValues::do_partial_fit(x, y, context);
}

std::vector<double> WeightOfEvidence::values_of(const TargetSums::OfColumn& gathered,
                                                const TargetOutputs& outputs) const {
  std::vector<Evidence> level, all(outputs.size());
  for (std::size_t slot = 0; slot < gathered.n_rows.size(); ++slot)
    for (std::size_t k = 0; k < outputs.size(); ++k) {
      const double with = gathered.sums[slot * outputs.size() + k].value;
      level.push_back({static_cast<double>(gathered.n_rows[slot]), with, gathered.weight[slot] - with});
      all[k].add(level.back());
    }
  return weights_of(level, all);
}

std::vector<Transformer::Named> WeightOfEvidence::do_fit_transform(const data::Frame& x,
                                                                   std::span<const std::uint32_t> rows,
                                                                   const data::TargetView& y,
                                                                   const Context& context) {
  std::vector<std::uint8_t> fold_of;
  if (params_.out_of_fold)
    fold_of = inner_folds(y, rows, static_cast<std::size_t>(params_.n_folds), context.seed);
  fit_tables(x, rows, y, fold_of, context);
  const std::size_t width = n_outputs();
  auto out = encode(x, context, [&](std::size_t c, std::size_t k, std::vector<double>& cells) {
    if (fold_of.empty()) return;
    const CodeView codes = rules_.fit_codes(tables_[c].levels, x.column(c));
    const std::size_t n_slots = tables_[c].levels.n_slots();
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (!std::isnan(cells[rows[i]]))  // missing by a rule
        cells[rows[i]] = by_fold_[c][(fold_of[i] * n_slots + Levels::slot(codes[rows[i]])) * width + k];
  });
  by_fold_.clear();
  return out;
}

}  // namespace

TransformerInfo weight_of_evidence_info() {
  return describe<WeightOfEvidence>(
      "weight_of_evidence",
      "Replace each level by its weight of evidence for the target, out of fold in training.", "category",
      ParamTable<WeightOfEvidenceParams>()
          .param("regularization", &WeightOfEvidenceParams::regularization,
                 "Rows added to each side of a level, so that no logarithm is infinite.", log_range(0.1, 10))
          .limits(1e-9, 1e9)
          .param("n_folds", &WeightOfEvidenceParams::n_folds,
                 "Inner folds for the encoding of training rows.")
          .limits(2, 100)
          .param("out_of_fold", &WeightOfEvidenceParams::out_of_fold,
                 "Encode training rows from the other folds, so that none sees its own target.")
          .param("max_classes", &WeightOfEvidenceParams::max_classes,
                 "With more classes than this, only the most frequent get a column.")
          .limits(1, 1000)
          .param("handle_unknown", &WeightOfEvidenceParams::handle_unknown,
                 "Levels that training did not have: 0 (value), as missing cells, nan, or an error.",
                 choice({"value", "missing", "nan", "error"}))
          .param("handle_missing", &WeightOfEvidenceParams::handle_missing,
                 "Missing cells: a level of their own, as an unknown level, nan, or an error.",
                 choice({"level", "unknown", "nan", "error"})));
}

}  // namespace kolosal::transform
