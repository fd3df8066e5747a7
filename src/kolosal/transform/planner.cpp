#include "kolosal/transform/planner.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <optional>

#include "kolosal/core/error.hpp"
#include "kolosal/transform/column_summary.hpp"

namespace kolosal::transform {
namespace {

using data::ColumnType;

constexpr std::array<std::pair<LearnerFamily, std::string_view>, 4> kFamilies{{
    {LearnerFamily::kTrees, "trees"},
    {LearnerFamily::kLinear, "linear"},
    {LearnerFamily::kNeighbours, "neighbours"},
    {LearnerFamily::kNets, "nets"},
}};

// What the rules count with; docs/design/preprocessing.md says where the numbers come from.
constexpr std::size_t kOneHotLevels = 30;            // linear models and nets
constexpr std::size_t kOneHotLevelsNeighbours = 10;  // each level is a dimension
constexpr std::size_t kNativeLevels = 50;            // boosters: from here on an encoding beside the level
constexpr double kTellingMissingShare = 0.05;        // an indicator that is nearly constant says nothing
constexpr double kLongTail = 2;                      // skewness; of an exponential distribution
constexpr std::size_t kTailLevels = 10;              // fewer different numbers have no tail
constexpr std::int64_t kTextTokens = 50;

/// 4120 as 4,120.
std::string grouped(std::size_t n) {
  std::string out = fmt::format("{}", n);
  for (std::size_t i = out.size(); i > 3; i -= 3) out.insert(i - 3, 1, ',');
  return out;
}

/// "`a` (2 levels), `b` (3 levels) and 4 more"
std::string listed(const std::vector<const ColumnSummary*>& columns,
                   const std::function<std::string(const ColumnSummary&)>& detail) {
  constexpr std::size_t kShown = 6;
  std::string out;
  for (std::size_t i = 0; i < std::min(kShown, columns.size()); ++i) {
    const std::string more = detail(*columns[i]);
    out += fmt::format("{}`{}`{}", i ? ", " : "", columns[i]->name, more.empty() ? "" : " (" + more + ")");
  }
  if (columns.size() > kShown) out += fmt::format(" and {} more", columns.size() - kShown);
  return out;
}

std::string names_only(const ColumnSummary&) { return ""; }
std::string missing_of(const ColumnSummary& c) { return fmt::format("{:.1f} %", 100 * c.missing_share()); }
std::string levels_of(const ColumnSummary& c) { return grouped(c.n_distinct) + " levels"; }

std::vector<std::string> names_of(const std::vector<const ColumnSummary*>& columns) {
  std::vector<std::string> out;
  for (const auto* column : columns) out.push_back(column->name);
  return out;
}

bool is_number(ColumnType type) {
  return type == ColumnType::kBool || type == ColumnType::kInt64 || type == ColumnType::kFloat64 ||
         type == ColumnType::kFloat32;
}
bool is_time(ColumnType type) { return type == ColumnType::kDate || type == ColumnType::kTimestamp; }

class Planner {
 public:
  Planner(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
          const PlannerOptions& options, const Context& context)
      : x_(x), rows_(rows), y_(y), options_(options), context_(context) {}

  RecipePlan plan() {
    drop();
    columns_ = summarize(x_, rows_, context_);
    times();
    texts();
    if (options_.learner == LearnerFamily::kTrees) {
      categories_of_trees();
      note_missing();
    } else {
      numbers();
      encode_and_scale();
    }
    return std::move(plan_);
  }

 private:
  using Columns = std::vector<const ColumnSummary*>;

  Columns of(const std::function<bool(const ColumnSummary&)>& wanted) const {
    Columns out;
    for (const ColumnSummary& column : columns_)
      if (wanted(column)) out.push_back(&column);
    return out;
  }

  /// False: it was left out, and a note says so.
  bool add(std::string step, ParamMap params, Selector select, std::string reason) {
    if (options_.in_batches && !make_transformer(step, params)->can_stream()) {
      plan_.notes.push_back(
          fmt::format("{} was left out, since it needs all rows in memory. {}", step, reason));
      return false;
    }
    if (select.types.empty()) select.types = transformer_info(step).default_types;
    plan_.steps.push_back(
        {StepSpec(std::move(step), std::move(params), std::move(select)), std::move(reason)});
    return true;
  }

  /// A step that drops columns is planned when it would drop some of these rows; it is asked itself.
  void drop_by(const std::string& name, const std::string& why) {
    const auto columns = Selector{transformer_info(name).default_types, {}}.resolve(x_);
    if (columns.empty()) return;
    const auto step = make_transformer(name);
    step->fit(x_, rows_, y_, columns, context_);
    const data::Frame rest = step->transform(x_.slice(0, std::min<std::size_t>(1, x_.n_rows())), context_);
    std::vector<std::string> dropped;
    for (const std::string& column : columns)
      if (!rest.find(column)) dropped.push_back(column);
    if (dropped.empty()) return;
    std::string list;
    for (std::size_t i = 0; i < std::min<std::size_t>(6, dropped.size()); ++i)
      list += fmt::format("{}`{}`", i ? ", " : "", dropped[i]);
    if (dropped.size() > 6) list += fmt::format(" and {} more", dropped.size() - 6);
    if (options_.in_batches) {  // x_ is the first rows: what is constant in them may vary later
      plan_.notes.push_back(
          fmt::format("{} was left out, since only the first rows were looked at. {}: {}", name, list, why));
      return;
    }
    add(name, {}, {.types = ""}, fmt::format("{}: {}", list, why));
    x_ = x_.without(dropped);
  }

  void drop() {
    drop_by("drop_constant", "one value, or none, in all rows tells nothing.");
    drop_by("drop_duplicate", "equal to an earlier column in every row.");
    drop_by("drop_id_like", "only names the row: what is learned from it does not hold for another row.");
  }

  void times() {
    const Columns times = of([](const ColumnSummary& c) { return is_time(c.type); });
    if (times.empty()) return;
    const bool trees = options_.learner == LearnerFamily::kTrees;
    add("date_parts",
        {{"cyclic", !trees}, {"differences", times.size() > 1}, {"drop_constant", !options_.in_batches}},
        {.types = "time"},
        fmt::format(
            "{}: learners take numbers; {}{}", listed(times, names_only),
            trees ? "trees cut at years, months and weekdays"
                  : "sine and cosine keep December next to January",
            times.size() > 1 ? ", and the time between two moments often tells more than either." : "."));
  }

  void texts() {
    const Columns texts = of([](const ColumnSummary& c) { return c.type == ColumnType::kText; });
    if (texts.empty()) return;
    add("text_stats", {}, {.types = "text", .keep = true},
        fmt::format("{}: length, words, digits and capitals of a text often tell as much as its words.",
                    listed(texts, names_only)));
    add("text_tokens", {{"max_tokens", kTextTokens}}, {.types = "text"},
        fmt::format("{}: the {} most frequent words of each become columns, and the text goes.",
                    listed(texts, names_only), kTextTokens));
  }

  // ---- trees
  // ------------------------------------------------------------------------------------------------

  void categories_of_trees() {
    const Columns few = of([](const ColumnSummary& c) {
      return c.type == ColumnType::kCategory && c.n_distinct < kNativeLevels;
    });
    if (!few.empty())
      plan_.notes.push_back(fmt::format(
          "{}: left as they are; boosters sort levels by the target in each node.", listed(few, levels_of)));
    const Columns many = of([](const ColumnSummary& c) {
      return c.type == ColumnType::kCategory && c.n_distinct >= kNativeLevels;
    });
    if (many.empty()) return;
    if (y_.values.empty())
      add("frequency_encode", {{"method", "log_count"}},
          {.types = "category", .names = names_of(many), .keep = true},
          fmt::format(
              "{}: how often a level occurs, beside the level, because single levels have too few rows "
              "to be split by.",
              listed(many, levels_of)));
    else
      add("target_encode", {{"keep", true}}, {.types = "category", .names = names_of(many)},
          fmt::format(
              "{}: the mean of the target, out of fold, beside the level, because a tree that sorts so "
              "many levels by the target learns the noise of the rare ones.",
              listed(many, levels_of)));
  }

  void note_missing() {
    const Columns holes = of([](const ColumnSummary& c) { return c.n_missing > 0 && is_number(c.type); });
    if (!holes.empty())
      plan_.notes.push_back(
          fmt::format("{}: missing cells stay; trees send them to the better side of each split.",
                      listed(holes, missing_of)));
  }

  // ---- all others
  // ---------------------------------------------------------------------------------------------

  void numbers() {
    const auto has_holes = [](const ColumnSummary& c) { return c.n_missing > 0 && is_number(c.type); };
    const Columns telling =
        of([&](const ColumnSummary& c) { return has_holes(c) && c.missing_share() >= kTellingMissingShare; });
    const Columns few =
        of([&](const ColumnSummary& c) { return has_holes(c) && c.missing_share() < kTellingMissingShare; });
    if (!telling.empty())
      add("impute", {{"strategy", "median"}, {"indicator", true}},
          {.types = "numeric", .names = names_of(telling)},
          fmt::format(
              "{} missing: the median, which far values do not move, and a column that says which cells "
              "were missing.",
              listed(telling, missing_of)));
    const bool text_numbers = std::ranges::any_of(
        columns_, [](const ColumnSummary& c) { return c.type == ColumnType::kText || is_time(c.type); });
    if (!few.empty())
      add("impute", {{"strategy", "median"}}, {.types = "numeric"},
          fmt::format("{} missing: the median; so few need no column of their own.",
                      listed(few, missing_of)));
    else if (text_numbers)
      add("impute", {{"strategy", "median"}}, {.types = "numeric"},
          "What is made of texts and times has holes where those are missing.");
    long_tails();
  }

  void long_tails() {
    const Columns tails = of([](const ColumnSummary& c) {
      return is_number(c.type) && c.type != ColumnType::kBool && std::abs(c.skewness) > kLongTail &&
             c.n_distinct > kTailLevels;
    });
    if (tails.empty()) return;
    add("power_transform", {{"method", "yeo_johnson"}, {"standardize", true}},
        {.types = "numeric", .names = names_of(tails)},
        fmt::format(
            "{}: long tails, of which a few rows would decide; a power of maximum likelihood makes them "
            "short.",
            listed(tails,
                   [](const ColumnSummary& c) { return fmt::format("skewness {:.1f}", c.skewness); })));
  }

  void encode_and_scale() {
    const std::size_t most =
        options_.learner == LearnerFamily::kNeighbours ? kOneHotLevelsNeighbours : kOneHotLevels;
    Columns small =
        of([&](const ColumnSummary& c) { return c.type == ColumnType::kCategory && c.n_distinct <= most; });
    // The widest go first when all together would be too wide; half of the limit is for other columns.
    std::ranges::stable_sort(small, {}, [](const ColumnSummary* c) { return c->n_distinct; });
    std::size_t width = 0;
    const auto too_wide = std::ranges::find_if(small, [&](const ColumnSummary* c) {
      width += c->n_distinct + 1;
      return width > options_.max_features / 2;
    });
    small.erase(too_wide, small.end());
    const auto is_small = [&](const ColumnSummary& c) { return std::ranges::find(small, &c) != small.end(); };
    encode_large(of([&](const ColumnSummary& c) { return c.type == ColumnType::kCategory && !is_small(c); }));
    scale();
    encode_small(of(is_small));
  }

  void encode_large(const Columns& large) {
    if (large.empty()) return;
    std::size_t width = 0;
    for (const auto* column : large) width += column->n_distinct;
    if (y_.values.empty())
      add("frequency_encode", {{"method", "log_count"}}, {.types = "category", .names = names_of(large)},
          fmt::format(
              "{}: how often a level occurs, because one-hot would make {} columns, and there is no target "
              "to encode by.",
              listed(large, levels_of), grouped(width)));
    else
      add("target_encode", {}, {.types = "category", .names = names_of(large)},
          fmt::format("{}: mean target encoding out of fold, because one-hot would make {} columns.",
                      listed(large, levels_of), grouped(width)));
  }

  void scale() {
    add("scale", {{"method", "standard"}}, {.types = "numeric"},
        options_.learner == LearnerFamily::kNeighbours
            ? "Mean 0 and deviation 1: else the column of the largest unit alone would decide who is near."
        : options_.learner == LearnerFamily::kNets
            ? "Mean 0 and deviation 1: gradients of one size let all columns learn at the same pace."
            : "Mean 0 and deviation 1: a penalty on weights is fair only between columns of one scale.");
  }

  void encode_small(const Columns& small) {
    if (small.empty()) return;
    std::size_t width = 0;
    bool rare = false;
    for (const auto* column : small) {
      width += column->n_distinct;
      rare |= column->n_rare > 0;
    }
    ParamMap params{{"dense", true}};
    if (rare) params["min_frequency"] = std::int64_t{5};
    add("one_hot", std::move(params), {.types = "category", .names = names_of(small)},
        fmt::format("{}: a column per level, {} in all; not scaled, since 0 and 1 already are comparable{}.",
                    listed(small, levels_of), grouped(width),
                    rare ? "; levels of fewer than 5 rows share one" : ""));
  }

  data::Frame x_;
  std::span<const std::uint32_t> rows_;
  const data::TargetView& y_;
  const PlannerOptions& options_;
  const Context& context_;
  std::vector<ColumnSummary> columns_;
  RecipePlan plan_;
};

}  // namespace

std::vector<std::string> learner_families() {
  std::vector<std::string> out;
  for (const auto& [family, name] : kFamilies) out.emplace_back(name);
  return out;
}

std::string_view family_name(LearnerFamily family) {
  for (const auto& [known, name] : kFamilies)
    if (known == family) return name;
  KOLOSAL_ASSERT(false, "all families have a name");
}

LearnerFamily family_from_name(std::string_view name) {
  for (const auto& [family, known] : kFamilies)
    if (known == name) return family;
  throw Error(ErrorCode::kInvalidParameter, "there is no family of learners \"{}\"; there are {}", name,
              fmt::join(learner_families(), ", "));
}

RecipePlan plan_recipe(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
                       const PlannerOptions& options, const Context& context) {
  return Planner(x, rows, y, options, context).plan();
}

}  // namespace kolosal::transform
