#include "kolosal/transform/planner.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <optional>
#include <utility>

#include "kolosal/core/error.hpp"
#include "kolosal/profile/wording.hpp"

namespace kolosal::transform {
namespace {

using data::ColumnType;
using profile::ColumnProfile;
using profile::FlagKind;

constexpr std::array<std::pair<LearnerFamily, std::string_view>, 4> kFamilies{{
    {LearnerFamily::kTrees, "trees"},
    {LearnerFamily::kLinear, "linear"},
    {LearnerFamily::kNeighbours, "neighbours"},
    {LearnerFamily::kNets, "nets"},
}};

// What the rules count with; docs/design/preprocessing.md says where the numbers come from.
constexpr std::size_t kOneHotLevels = 30;            // linear models and nets
constexpr std::size_t kOneHotLevelsNeighbours = 10;  // each level is a dimension
constexpr double kTellingMissingShare = 0.05;        // an indicator that is nearly constant says nothing
constexpr double kLongTail = 2;                      // skewness; of an exponential distribution
constexpr std::size_t kSampleRows = 50'000;          // of numbers and texts
constexpr std::size_t kTailLevels = 10;              // fewer different numbers have no tail
constexpr std::int64_t kTextTokens = 50;
constexpr std::int64_t kMostCrosses = 4;

/// "`a` (2 levels), `b` (3 levels) and 4 more"
std::string listed(const std::vector<const ColumnProfile*>& columns,
                   const std::function<std::string(const ColumnProfile&)>& detail) {
  constexpr std::size_t kShown = 6;
  std::string out;
  for (std::size_t i = 0; i < std::min(kShown, columns.size()); ++i) {
    const std::string more = detail(*columns[i]);
    out += fmt::format("{}`{}`{}", i ? ", " : "", columns[i]->name, more.empty() ? "" : " (" + more + ")");
  }
  if (columns.size() > kShown) out += fmt::format(" and {} more", columns.size() - kShown);
  return out;
}

std::string names_only(const ColumnProfile&) { return ""; }
/// Cells without a number: infinite ones count, since steps take them for missing.
std::size_t n_holes(const ColumnProfile& c) { return c.n_missing + (c.numbers ? c.numbers->n_infinite : 0); }
double hole_share(const ColumnProfile& c) {
  return c.n_rows ? static_cast<double>(n_holes(c)) / static_cast<double>(c.n_rows) : 0;
}
std::string missing_of(const ColumnProfile& c) { return fmt::format("{:.1f} %", 100 * hole_share(c)); }
std::string levels_of(const ColumnProfile& c) { return profile::count_text(c.n_distinct) + " levels"; }

std::vector<std::string> names_of(const std::vector<const ColumnProfile*>& columns) {
  std::vector<std::string> out;
  for (const auto* column : columns) out.push_back(column->name);
  return out;
}

bool is_number(ColumnType type) {
  return type == ColumnType::kBool || type == ColumnType::kInt64 || type == ColumnType::kFloat64 ||
         type == ColumnType::kFloat32;
}
/// False: it was left out, and a note says so.
bool add_step(RecipePlan& plan, const PlannerOptions& options, std::string step, ParamMap params,
              Selector select, std::string reason) {
  if (options.in_batches && !make_transformer(step, params)->can_stream()) {
    plan.notes.push_back(fmt::format("{} was left out, since it needs all rows in memory. {}", step, reason));
    return false;
  }
  if (select.types.empty()) select.types = transformer_info(step).default_types;
  plan.steps.push_back({StepSpec(std::move(step), std::move(params), std::move(select)), std::move(reason)});
  return true;
}

/// The part of a plan that reads cells: columns of no use go. Takes them out of the table.
class Dropper {
 public:
  Dropper(data::Frame x, std::span<const std::uint32_t> rows, const data::TargetView& y,
          const PlannerOptions& options, const Context& context)
      : x_(std::move(x)), rows_(rows), y_(y), options_(options), context_(context) {}

  RecipePlan plan() {
    drop_by("drop_constant", "one value, or none, in all rows tells nothing.");
    drop_by("drop_duplicate", "equal to an earlier column in every row.");
    drop_by("drop_id_like", "only names the row: what is learned from it does not hold for another row.");
    return std::move(plan_);
  }
  const data::Frame& rest() const { return x_; }

 private:
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
    if (add_step(plan_, options_, name, {}, {.types = ""}, fmt::format("{}: {}", list, why)))
      x_ = x_.without(dropped);
  }

  data::Frame x_;
  std::span<const std::uint32_t> rows_;
  const data::TargetView& y_;
  const PlannerOptions& options_;
  const Context& context_;
  RecipePlan plan_;
};

/// The part that only looks at what is known of the columns.
class Planner {
 public:
  Planner(std::span<const ColumnProfile> columns, bool has_target, const PlannerOptions& options)
      : columns_(columns), has_target_(has_target), options_(options) {}

  RecipePlan plan() {
    times();
    hidden_values();
    if (options_.learner == LearnerFamily::kTrees) {
      texts();
      categories_of_trees();
      note_missing();
      if (options_.number_pairs)
        add("arithmetic_pairs", {}, {.types = "numeric"},
            "Trees cut one number at a time: a sum, difference, product or ratio is one cut for them only "
            "when it is a column.");
    } else if (for_learner()) {
      sparse_texts();
      fill_all();
      long_tails();
      encode_sparse();
    } else {
      texts();
      fill();
      long_tails();
      encode_and_scale();
    }
    return std::move(plan_);
  }

 private:
  using Columns = std::vector<const ColumnProfile*>;

  bool for_learner() const { return options_.purpose == PlanPurpose::kLearner; }

  Columns of(const std::function<bool(const ColumnProfile&)>& wanted) const {
    Columns out;
    for (const ColumnProfile& column : columns_)
      if (wanted(column)) out.push_back(&column);
    return out;
  }
  Columns of_type(ColumnType type) const {
    return of([&](const ColumnProfile& c) { return c.type == type; });
  }

  bool add(std::string step, ParamMap params, Selector select, std::string reason) {
    return add_step(plan_, options_, std::move(step), std::move(params), std::move(select),
                    std::move(reason));
  }

  void times() {
    const Columns times = of([](const ColumnProfile& c) { return profile::is_time(c.type); });
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

  /// Numbers and dates that stand in texts and levels.
  void hidden_values() {
    const Columns numbers = of([](const ColumnProfile& c) { return c.find(FlagKind::kNumbersInText); });
    if (!numbers.empty()) {
      const bool keeps = options_.learner == LearnerFamily::kTrees || for_learner();
      const bool added = add(
          "text_numbers", {{"keep", keeps}, {"ratio", false}, {"count", false}},
          {.types = "text,category", .names = names_of(numbers)},
          fmt::format("{}: numbers with a unit or with signs; a number can be compared, its text can not{}.",
                      listed(numbers, names_only), keeps ? ". The text stays beside it" : ""));
      if (added && !keeps) read_as_numbers_ = numbers;
    }
    const Columns dates = of([](const ColumnProfile& c) { return c.find(FlagKind::kDatesInText); });
    if (!dates.empty())
      plan_.notes.push_back(fmt::format(
          "{}: dates in a way of writing that is not read as a date; written as 2024-12-31 they would give "
          "years, months and weekdays.",
          listed(dates, names_only)));
  }

  /// Whether the column still is what it was: its numbers do not stand in its place.
  bool is_left(const ColumnProfile& c) const {
    return std::ranges::find(read_as_numbers_, &c) == read_as_numbers_.end();
  }

  void texts() {
    const Columns texts =
        of([this](const ColumnProfile& c) { return c.type == ColumnType::kText && is_left(c); });
    if (texts.empty()) return;
    add("text_stats", {}, {.types = "text", .keep = true},
        fmt::format("{}: length, words, digits and capitals of a text often tell as much as its words.",
                    listed(texts, names_only)));
    if (for_learner()) {
      add("text_tokens", {}, {.types = "text", .keep = true},
          fmt::format("{}: the most frequent words of each become columns.", listed(texts, names_only)));
      if (options_.text_terms > 0)
        add("text_tfidf",
            {{"ngram_max", std::int64_t{2}},
             {"min_rows", std::int64_t{2}},
             {"max_features", options_.text_terms},
             {"sublinear_tf", true}},
            {.types = "text", .keep = true},
            fmt::format("{}: words and pairs of words, weighted by how rare they are.",
                        listed(texts, names_only)));
      add("text_to_category", {}, {.types = "text"},
          fmt::format("{}: texts that occur more than once are levels.", listed(texts, names_only)));
      return;
    }
    add("text_tokens", {{"max_tokens", kTextTokens}}, {.types = "text"},
        fmt::format("{}: the {} most frequent words of each become columns, and the text goes.",
                    listed(texts, names_only), kTextTokens));
  }

  // ---- trees
  // ------------------------------------------------------------------------------------------------

  void categories_of_trees() {
    // Texts have become levels; how many of them there are, only the step itself will know.
    const Columns all = of([this](const ColumnProfile& c) {
      return c.type == ColumnType::kCategory || (for_learner() && c.type == ColumnType::kText);
    });
    if (all.empty()) return;
    const bool beside = options_.categories == CategoryForm::kLevelsAndMeans;
    if (options_.categories == CategoryForm::kRanks) {
      add("frequency_encode", {{"method", "rank"}}, {.types = "category"},
          fmt::format("{}: the place of a level by its frequency: an order that owes nothing to the target, "
                      "which a number beside it may confound.",
                      listed(all, levels_of)));
      return;
    }
    if (options_.category_pair_rows > 0 && has_target_)
      add("category_cross",
          {{"choose", "held_out"},
           {"n_crosses", kMostCrosses},
           {"sample_rows", options_.category_pair_rows},
           {"handle_missing", "level"},
           {"encode", true}},
          {.types = "category"},
          "The mean of the target by pairs of levels, out of fold, for pairs that tell more than both of "
          "their "
          "columns on rows held out.");
    const std::size_t native = options_.categories == CategoryForm::kLevels ? ~std::size_t{0}
                               : beside                                     ? options_.min_encoded_levels
                                                                            : 2;
    const auto is_few = [&](const ColumnProfile* c) { return c->n_distinct < native; };
    Columns few, many;
    std::ranges::partition_copy(all, std::back_inserter(few), std::back_inserter(many), is_few);
    if (!few.empty())
      plan_.notes.push_back(fmt::format(
          "{}: left as they are; boosters sort levels by the target in each node.", listed(few, levels_of)));
    if (many.empty()) return;
    if (!has_target_) {
      add("frequency_encode", {{"method", "log_count"}},
          {.types = "category", .names = names_of(many), .keep = true},
          fmt::format(
              "{}: how often a level occurs, beside the level, because single levels have too few rows "
              "to be split by.",
              listed(many, levels_of)));
      return;
    }
    ParamMap params{{"keep", beside}};
    // Only the step knows how many levels are made of texts.
    if (for_learner()) params["min_levels"] = static_cast<std::int64_t>(native);
    add("target_encode", std::move(params),
        {.types = "category", .names = for_learner() ? std::vector<std::string>() : names_of(many)},
        beside ? fmt::format(
                     "{}: the mean of the target, out of fold, beside the level, because a tree that sorts "
                     "so many levels by the target learns the noise of the rare ones.",
                     listed(many, levels_of))
               : fmt::format("{}: the mean of the target, out of fold, in place of the level.",
                             listed(many, levels_of)));
  }

  void note_missing() {
    const Columns holes = columns_with_holes();
    if (!holes.empty())
      plan_.notes.push_back(
          fmt::format("{}: missing cells stay; trees send them to the better side of each split.",
                      listed(holes, missing_of)));
  }

  // ---- all others
  // ---------------------------------------------------------------------------------------------

  Columns columns_with_holes() const {
    return of([](const ColumnProfile& c) { return n_holes(c) > 0 && is_number(c.type); });
  }

  /// A file keeps the columns that it needs: an indicator only where it tells something.
  void fill() {
    const Columns holes = columns_with_holes();
    if (options_.filling != Filling::kMedian && !holes.empty()) return fill_from_others(holes);
    Columns telling, few;
    std::ranges::partition_copy(
        holes, std::back_inserter(telling), std::back_inserter(few),
        [](const ColumnProfile* c) { return hole_share(*c) >= kTellingMissingShare; });
    if (!telling.empty())
      add("impute", {{"strategy", "median"}, {"indicator", true}},
          {.types = "numeric", .names = names_of(telling)},
          fmt::format(
              "{} missing: the median, which far values do not move, and a column that says which cells "
              "were missing.",
              listed(telling, missing_of)));
    const bool made_numbers =
        !read_as_numbers_.empty() || std::ranges::any_of(columns_, [](const ColumnProfile& c) {
          return c.type == ColumnType::kText || profile::is_time(c.type);
        });
    if (!few.empty())
      add("impute", {{"strategy", "median"}}, {.types = "numeric"},
          fmt::format("{} missing: the median; so few need no column of their own.",
                      listed(few, missing_of)));
    else if (made_numbers)
      add("impute", {{"strategy", "median"}}, {.types = "numeric"},
          "What is made of texts and times has holes where those are missing.");
  }

  /// A learner that shrinks weights is not harmed by an indicator too many, and rows to come may have holes
  /// where these have none.
  void fill_all() {
    if (of([](const ColumnProfile& c) { return is_number(c.type); }).empty() && !has_hidden_numbers()) return;
    const Columns holes = columns_with_holes();
    if (options_.filling != Filling::kMedian && !holes.empty()) return fill_from_others(holes);
    add("impute", {{"strategy", "median"}, {"indicator", true}}, {.types = "numeric"},
        holes.empty() ? "No number is missing, but one in a row to come may be: the median."
                      : fmt::format("{} missing: the median, which far values do not move, and a column that "
                                    "says which cells were missing.",
                                    listed(holes, missing_of)));
  }

  bool has_hidden_numbers() const {
    return std::ranges::any_of(columns_,
                               [](const ColumnProfile& c) { return c.find(FlagKind::kNumbersInText); });
  }

  void fill_from_others(const Columns& holes) {
    if (options_.filling == Filling::kRegression)
      add("iterative_impute", {}, {.types = "numeric"},
          fmt::format("{} missing: regressions on the other numbers, in turns, because numbers that go "
                      "together tell more of a hole than its own median.",
                      listed(holes, missing_of)));
    else
      add("knn_impute", {}, {.types = "numeric"},
          fmt::format(
              "{} missing: the mean of the nearest rows, which need no straight line between columns.",
              listed(holes, missing_of)));
  }

  void long_tails() {
    const Columns tails = of([](const ColumnProfile& c) { return has_long_tail(c); });
    if (tails.empty() || options_.tails == LongTails::kKeep) return;
    const auto skewness = [](const ColumnProfile& c) {
      return fmt::format("skewness {:.1f}", c.numbers->skewness);
    };
    if (options_.tails == LongTails::kPower)
      add("power_transform", {{"method", "yeo_johnson"}, {"standardize", true}},
          {.types = "numeric", .names = names_of(tails)},
          fmt::format("{}: long tails, of which a few rows would decide; a power of maximum likelihood makes "
                      "them short.",
                      listed(tails, skewness)));
    else
      add("quantile_transform", {{"output_distribution", "normal"}},
          {.types = "numeric", .names = names_of(tails)},
          fmt::format(
              "{}: long tails, of which a few rows would decide; their ranks, as normal numbers, have "
              "none.",
              listed(tails, skewness)));
  }

  void sparse_texts() {
    const Columns texts = of_type(ColumnType::kText);
    if (texts.empty()) return;
    add("text_hash", {{"width", options_.text_width}}, {.types = "text"},
        fmt::format("{}: words and runs of letters, hashed to {} features, of which a row has few.",
                    listed(texts, names_only),
                    profile::count_text(static_cast<std::size_t>(options_.text_width))));
  }

  /// Sparse columns cost what their cells cost, so that width is no reason against one-hot; the learners
  /// scale numbers themselves.
  void encode_sparse() {
    const auto most = options_.one_hot_levels;
    const auto is_wide = [&](const ColumnProfile* c) { return most > 0 && c->n_distinct > most; };
    Columns wide, small;
    std::ranges::partition_copy(of_type(ColumnType::kCategory), std::back_inserter(wide),
                                std::back_inserter(small), is_wide);
    if (!has_target_) std::ranges::move(std::exchange(wide, {}), std::back_inserter(small));
    if (!small.empty())
      add("one_hot", {{"min_frequency", std::int64_t{3}}},
          {.types = "category", .names = wide.empty() ? std::vector<std::string>() : names_of(small)},
          fmt::format("{}: a weight per level; levels of fewer than 3 rows share one.",
                      listed(small, levels_of)));
    encode_large(wide);
  }

  void encode_and_scale() {
    const std::size_t most = options_.one_hot_levels > 0                      ? options_.one_hot_levels
                             : options_.learner == LearnerFamily::kNeighbours ? kOneHotLevelsNeighbours
                                                                              : kOneHotLevels;
    const auto is_category = [&](const ColumnProfile& c) {
      return c.type == ColumnType::kCategory && is_left(c);
    };
    Columns small = of([&](const ColumnProfile& c) { return is_category(c) && c.n_distinct <= most; });
    // The widest go first when all together would be too wide; half of the limit is for other columns.
    std::ranges::stable_sort(small, {}, [](const ColumnProfile* c) { return c->n_distinct; });
    std::size_t width = 0;
    const auto too_wide = std::ranges::find_if(small, [&](const ColumnProfile* c) {
      width += c->n_distinct + 1;
      return width > options_.max_features / 2;
    });
    small.erase(too_wide, small.end());
    const auto is_small = [&](const ColumnProfile& c) { return std::ranges::find(small, &c) != small.end(); };
    encode_large(of([&](const ColumnProfile& c) { return is_category(c) && !is_small(c); }));
    scale();
    encode_small(of(is_small));
  }

  void encode_large(const Columns& large) {
    if (large.empty()) return;
    std::size_t width = 0;
    for (const auto* column : large) width += column->n_distinct;
    if (!has_target_)
      add("frequency_encode", {{"method", "log_count"}}, {.types = "category", .names = names_of(large)},
          fmt::format(
              "{}: how often a level occurs, because one-hot would make {} columns, and there is no target "
              "to encode by.",
              listed(large, levels_of), profile::count_text(width)));
    else
      add("target_encode", {}, {.types = "category", .names = names_of(large)},
          fmt::format("{}: mean target encoding out of fold, because one-hot would make {} columns.",
                      listed(large, levels_of), profile::count_text(width)));
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
      rare |= column->n_rare_levels > 0;
    }
    ParamMap params{{"dense", true}};
    if (rare) params["min_frequency"] = std::int64_t{5};
    add("one_hot", std::move(params), {.types = "category", .names = names_of(small)},
        fmt::format("{}: a column per level, {} in all; not scaled, since 0 and 1 already are comparable{}.",
                    listed(small, levels_of), profile::count_text(width),
                    rare ? "; levels of fewer than 5 rows share one" : ""));
  }

  std::span<const ColumnProfile> columns_;
  bool has_target_;
  const PlannerOptions& options_;
  Columns read_as_numbers_;  // in whose place their numbers stand
  RecipePlan plan_;
};

}  // namespace

bool has_long_tail(const ColumnProfile& c) {
  return is_number(c.type) && c.type != ColumnType::kBool && c.numbers && c.n_distinct > kTailLevels &&
         std::abs(c.numbers->skewness) > kLongTail;
}

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
  Dropper dropper(x, rows, y, options, context);
  RecipePlan out = dropper.plan();
  const auto columns = profile::profile_columns(dropper.rest(), rows, kSampleRows, context);
  RecipePlan rest = plan_columns(columns, !y.values.empty(), options);
  std::ranges::move(rest.steps, std::back_inserter(out.steps));
  std::ranges::move(rest.notes, std::back_inserter(out.notes));
  return out;
}

RecipePlan plan_columns(std::span<const profile::ColumnProfile> columns, bool has_target,
                        const PlannerOptions& options) {
  return Planner(columns, has_target, options).plan();
}

}  // namespace kolosal::transform
