#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "kolosal/artifact/container.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/transform/recipe.hpp"
#include "kolosal/transform/testing/compare_frames.hpp"
#include "kolosal/transform/transformer.hpp"

// What every transformer keeps, run over the registry: with any input, one thread or many, saved or not.

namespace kolosal::transform {
namespace {

using data::Column;
using data::ColumnType;
using data::Frame;
using data::TargetView;
using data::Task;
using ::testing::HasSubstr;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

std::shared_ptr<const data::Dictionary> dictionary(std::vector<std::string> levels) {
  return std::make_shared<const data::Dictionary>(std::move(levels));
}

// Every column type, with the cells that break naive code: NaN, infinities, 1e308, constants, nothing at all,
// unseen codes.
Frame hostile_frame(std::size_t n) {
  std::vector<double> plain(n), infinite(n), huge(n), missing(n, kNaN), constant(n, 7.5), tiny(n);
  std::vector<float> single(n);
  std::vector<std::int64_t> integer(n), serial(n), day(n), moment(n);
  std::vector<std::uint8_t> flag(n);
  std::vector<std::int32_t> few(n), many(n), none(n, data::kMissingCode), single_level(n, 0);
  std::vector<std::optional<std::string>> text(n), empty_text(n);
  data::Bitmap valid = data::all_present(n);
  const char* kTexts[] = {"",        "Hello World",   "price 1,200 EUR", "\xc3\x84rger \xff broken",
                          "a a a b", "Hello again 12"};
  std::vector<std::int64_t> offsets(n + 1);
  std::vector<std::int32_t> indices;
  for (std::size_t i = 0; i < n; ++i) {
    plain[i] = i % 7 == 3 ? kNaN : static_cast<double>(i * 37 % 101) / 8;
    infinite[i] = i % 5 == 0 ? kInf : i % 5 == 1 ? -kInf : static_cast<double>(i);
    huge[i] = i % 2 ? 1e308 : -1.7e308;
    tiny[i] = 1e-310 * static_cast<double>(i % 3);
    single[i] = i % 6 == 2 ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(i % 11);
    integer[i] = i % 3 ? static_cast<std::int64_t>(i % 9) : std::numeric_limits<std::int64_t>::min();
    serial[i] = static_cast<std::int64_t>(i) + 1000;
    flag[i] = i % 2;
    day[i] = static_cast<std::int64_t>(i) * 86'400'000'000'000 - 86'400'000'000'000 * 20;
    moment[i] =
        i % 4 ? static_cast<std::int64_t>(i) * 3'723'123'456'789 : std::numeric_limits<std::int64_t>::min();
    few[i] = i % 8 == 0   ? data::kMissingCode
             : i % 8 == 1 ? data::kUnseenCode
                          : static_cast<std::int32_t>(i % 3);
    many[i] = static_cast<std::int32_t>(i % 40);
    if (i % 4) text[i] = kTexts[i % 6];
    if (i % 5 == 4) data::clear_bit(valid.data(), i);
    if (i % 3) indices.push_back(static_cast<std::int32_t>(i % 4));
    offsets[i + 1] = static_cast<std::int64_t>(indices.size());
  }
  std::vector<std::string> levels;
  for (int i = 0; i < 40; ++i) levels.push_back(std::to_string(i * 3));
  Frame out({"plain", "infinite"}, {Column::from_float64(plain), Column::from_float64(infinite)});
  out.add("huge", Column::from_float64(huge));
  out.add("tiny", Column::from_float64(tiny));
  out.add("missing", Column::from_float64(missing));
  out.add("constant", Column::from_float64(constant));
  out.add("single", Column::from_float32(single));
  out.add("integer", Column::from_int64(integer, valid));
  out.add("serial", Column::from_int64(serial));
  out.add("flag", Column::from_bool(flag, valid));
  out.add("day", Column::from_date(day, valid));
  out.add("moment", Column::from_timestamp(moment, valid));
  out.add("few", Column::from_category(few, dictionary({"red", "green", "blue", "never"})));
  out.add("many", Column::from_category(many, dictionary(levels)));
  out.add("none", Column::from_category(none, dictionary({})));
  out.add("single_level", Column::from_category(single_level, dictionary({"only"})));
  out.add("text", Column::from_texts(text));
  out.add("empty_text", Column::from_texts(empty_text));
  std::vector<float> values;
  for (const std::int32_t index : indices) values.push_back(static_cast<float>(index + 1));
  out.add("sparse", Column::from_sparse(offsets, indices, values, 4));
  return out;
}

struct Problem {
  Frame x;
  std::vector<double> values;
  TargetView y;
  std::vector<std::uint32_t> rows;
};

// Two of three rows are fitted.
std::unique_ptr<Problem> problem(std::size_t n, Task task, std::size_t fit_every = 3) {
  auto out = std::make_unique<Problem>();
  out->x = hostile_frame(n);
  for (std::size_t i = 0; i < n; ++i)
    out->values.push_back(task == Task::kRegression
                              ? static_cast<double>(i * 13 % 29) + 0.25
                              : static_cast<double>(i * 13 % 29 % (task == Task::kBinary ? 2 : 4)));
  out->y = {task, out->values, {}, task == Task::kRegression ? 0U : task == Task::kBinary ? 2U : 4U};
  for (std::uint32_t i = 0; i < n; ++i)
    if (fit_every == 1 || i % fit_every != 1) out->rows.push_back(i);
  return out;
}

std::vector<std::string> columns_for(const TransformerInfo& info, const Frame& x) {
  return Selector{info.default_types, {}}.resolve(x);
}

// Parameters that reach the other branches of each step.
std::vector<ParamMap> variants(const std::string& name) {
  if (name == "impute")
    return {{{"strategy", "mean"}, {"indicator", true}},
            {{"strategy", "most_frequent"}, {"category_strategy", "most_frequent"}},
            {{"strategy", "constant"}, {"fill_value", -1.0}},
            {{"infinities", "keep"}, {"indicator", true}},
            {{"infinities", "clip"}, {"strategy", "mean"}, {"indicator", true}}};
  if (name == "discretize")
    return {{{"method", "uniform"}, {"encode", "category"}},
            {{"method", "kmeans"}, {"n_bins", std::int64_t{9}}},
            {{"method", "tree"}, {"encode", "category"}, {"min_rows", std::int64_t{2}}}};
  if (name == "outliers")
    return {{{"method", "zscore"}, {"action", "winsorize"}},
            {{"method", "modified_zscore"}, {"action", "missing"}},
            {{"method", "percentile"}, {"action", "flag"}},
            {{"method", "isolation_forest"}, {"contamination", 0.1}, {"n_trees", std::int64_t{9}}},
            {{"method", "isolation_forest"}, {"action", "flag"}, {"n_trees", std::int64_t{3}}}};
  if (name == "fill_in_order")
    return {
        {{"direction", "backward"}, {"order_by", "day"}, {"group_by", "few"}, {"limit", std::int64_t{2}}}};
  if (name == "iterative_impute")
    return {{{"initial", "median"}, {"infinities", "keep"}},
            {{"n_draws", std::int64_t{3}}, {"max_iter", std::int64_t{2}}, {"infinities", "clip"}},
            {{"estimator", "tree"}, {"max_iter", std::int64_t{2}}},
            {{"estimator", "extra_trees"}, {"n_trees", std::int64_t{3}}, {"max_iter", std::int64_t{3}}},
            {{"estimator", "random_forest"},
             {"n_trees", std::int64_t{2}},
             {"max_features", 0.3},
             {"max_iter", std::int64_t{1}},
             {"n_draws", std::int64_t{2}}}};
  if (name == "knn_impute")
    return {{{"weights", "distance"}, {"infinities", "keep"}},
            {{"n_neighbors", std::int64_t{200}}, {"infinities", "clip"}, {"max_rows", std::int64_t{50}}}};
  if (name == "quantile_transform")
    return {{{"output_distribution", "normal"}},
            {{"output_distribution", "normal"}, {"n_quantiles", std::int64_t{400}}}};
  if (name == "power_transform") return {{{"standardize", false}}};
  if (name == "log1p") return {{{"negative", "missing"}}};
  if (name == "clip") return {{{"bounds", "given"}, {"upper", 2.0}}};
  if (name == "normalize_rows") return {{{"norm", "l1"}}, {{"norm", "max"}}};
  if (name == "scale")
    return {{{"method", "robust"}}, {{"method", "robust"}, {"quantile_low", 5.0}, {"quantile_high", 60.0}},
            {{"method", "minmax"}}, {{"method", "minmax"}, {"range_low", -1.0}},
            {{"method", "maxabs"}}, {{"clip", 3.0}}};
  if (name == "one_hot")
    return {{{"dense", true}},
            {{"min_frequency", std::int64_t{3}}, {"max_categories", std::int64_t{2}}},
            {{"drop", "first"}, {"handle_unknown", "missing"}},
            {{"drop", "if_binary"}, {"handle_unknown", "ignore"}, {"handle_missing", "unknown"}}};
  if (name == "ordinal_encode")
    return {{{"missing_value", -1.0}},
            {{"handle_missing", "level"}, {"handle_unknown", "value"}, {"unknown_value", -2.0}},
            {{"handle_missing", "unknown"}, {"handle_unknown", "value"}}};
  if (name == "missing_indicator") return {{{"features", "all"}, {"infinities", false}}};
  if (name == "target_encode")
    return {{{"method", "empirical_bayes"}, {"counts", true}, {"keep", true}},
            {{"min_levels", std::int64_t{10}}},
            {{"method", "james_stein"}},
            {{"training", "ordered"}, {"smoothing", 0.0}},
            {{"handle_unknown", "missing"}, {"handle_missing", "unknown"}, {"method", "james_stein"}},
            {{"handle_unknown", "nan"}, {"handle_missing", "nan"}, {"counts", true}}};
  if (name == "date_parts")
    return {{{"cyclic", true}, {"differences", true}, {"drop_constant", false}},
            {{"parts", "week,quarter,is_weekend,is_month_end"}, {"since", "first"}},
            {{"parts", ""},
             {"cyclic", true},
             {"cycles", "second,minute,weekday,month"},
             {"since", "2000-01-01"},
             {"drop_constant", false}}};
  if (name == "text_hash") return {{{"idf", true}, {"width", std::int64_t{64}}}};
  if (name == "text_tokens")
    return {{{"score", "target"}, {"min_rows", std::int64_t{1}}}, {{"max_tokens", std::int64_t{3}}}};
  if (name == "frequency_encode")
    return {{{"method", "count"}},
            {{"method", "log_count"}, {"handle_missing", "level"}},
            {{"handle_unknown", "missing"}, {"handle_missing", "level"}}};
  if (name == "leave_one_out_encode")
    return {{{"noise", 0.2}, {"max_classes", std::int64_t{2}}},
            {{"handle_unknown", "nan"}, {"handle_missing", "unknown"}}};
  if (name == "weight_of_evidence")
    return {{{"out_of_fold", false}, {"regularization", 0.01}},
            {{"handle_unknown", "missing"}, {"handle_missing", "nan"}}};
  if (name == "binary_encode")
    return {{{"handle_missing", "unknown"}}, {{"handle_unknown", "nan"}, {"handle_missing", "nan"}}};
  if (name == "hash_encode")
    return {{{"width", std::int64_t{3}}, {"alternate_sign", false}, {"handle_missing", "level"}}};
  if (name == "group_rare")
    return {{{"min_rows", std::int64_t{4}}, {"max_levels", std::int64_t{2}}, {"handle_unknown", "keep"}},
            {{"min_rows", std::int64_t{15}}, {"handle_missing", "level"}},
            {{"handle_missing", "unknown"}, {"handle_unknown", "missing"}}};
  if (name == "variance_threshold") return {{{"threshold", 10.0}}};
  if (name == "f_statistic") return {{{"choose", "fdr"}}, {{"choose", "share"}, {"share", 0.2}}};
  if (name == "chi2") return {{{"choose", "bonferroni"}}, {{"choose", "top_k"}, {"k", std::int64_t{1}}}};
  if (name == "correlation_clusters")
    return {{{"linkage", "average"}, {"threshold", 0.1}, {"keep", "target"}}, {{"linkage", "single"}}};
  if (name == "mutual_information") return {{{"choose", "threshold"}, {"threshold", 0.01}}};
  if (name == "pca")
    return {{{"variance_share", 0.9}, {"whiten", true}},
            {{"solver", "randomized"}, {"n_components", std::int64_t{2}}}};
  if (name == "truncated_svd") return {{{"n_components", std::int64_t{2}}}};
  if (name == "random_projection")
    return {{{"method", "gaussian"}, {"n_components", std::int64_t{3}}},
            {{"epsilon", 0.9}, {"density", 0.5}}};
  if (name == "group_stats")
    return {{{"target", true}, {"stats", "mean,max,count"}},
            {{"target", true}, {"max_classes", std::int64_t{2}}, {"stats", "count,std,mean"}}};
  if (name == "drop_constant") return {{{"missing_is_value", false}}};
  if (name == "drop_duplicate") return {{{"max_columns", std::int64_t{3}}}};
  if (name == "text_to_category")
    return {{{"min_frequency", std::int64_t{1}}, {"max_levels", std::int64_t{2}}}};
  if (name == "category_cross")
    return {{{"choose", "gain"}, {"n_crosses", std::int64_t{2}}, {"handle_missing", "level"}},
            {{"choose", "held_out"}, {"handle_missing", "level"}, {"encode", true}},
            {{"n_crosses", std::int64_t{6}}, {"encode", true}},
            {{"max_levels", std::int64_t{3}}, {"handle_unknown", "missing"}, {"handle_missing", "unknown"}},
            {{"min_rows", std::int64_t{1}}, {"n_crosses", std::int64_t{6}}, {"handle_missing", "level"}}};
  if (name == "text_tfidf")
    return {{{"analyzer", "char_wb"}, {"ngram_min", std::int64_t{2}}, {"ngram_max", std::int64_t{4}}},
            {{"ngram_max", std::int64_t{2}}, {"max_features", std::int64_t{3}}, {"sublinear_tf", true}},
            {{"analyzer", "char"}, {"strip_accents", true}, {"max_share", 0.5}, {"norm", "l1"}}};
  if (name == "text_numbers") return {{{"n_numbers", std::int64_t{3}}, {"keep", true}}};
  if (name == "polynomial")
    return {{{"degree", std::int64_t{3}}, {"interaction_only", true}, {"include_bias", true}}};
  if (name == "splines")
    return {{{"knots", "quantile"}, {"extrapolation", "linear"}},
            {{"extrapolation", "continue"}, {"missing", "zero"}, {"degree", std::int64_t{0}}},
            {{"extrapolation", "periodic"}, {"include_bias", false}, {"degree", std::int64_t{2}}}};
  if (name == "to_float") return {{{"always_double", true}}};
  return {};
}

class TransformerContract : public ::testing::TestWithParam<std::string> {
 protected:
  const TransformerInfo& info() const { return transformer_info(GetParam()); }
  // With default parameters first, then the variants.
  void for_each_variant(const std::function<void(const ParamMap&)>& body) const {
    body({});
    for (const auto& params : variants(GetParam())) {
      SCOPED_TRACE(to_string(params.begin()->second));
      body(params);
    }
  }
  // With each rule for unknown levels and each for missing cells, save those that refuse the hostile frame.
  void for_each_rule(const std::function<void(const ParamMap&)>& body) const {
    const auto words = [&](const std::string& parameter) {
      std::vector<std::string> out;
      for (const auto& spec : info().params)
        if (spec.name == parameter)
          for (const auto& value : spec.search->choices)
            if (to_string(value) != "error") out.push_back(to_string(value));
      return out;
    };
    for (const auto& unknown : words("handle_unknown"))
      for (const auto& missing : words("handle_missing")) {
        SCOPED_TRACE("unknown " + unknown + ", missing " + missing);
        body({{"handle_unknown", unknown}, {"handle_missing", missing}});
      }
  }
};

TEST_P(TransformerContract, IsDocumented) {
  EXPECT_GT(info().summary.size(), 20U);
  EXPECT_EQ(info().summary.back(), '.');
  EXPECT_FALSE(info().params.empty());
  for (const auto& spec : info().params) EXPECT_GT(spec.doc.size(), 10U) << spec.name;
}

TEST_P(TransformerContract, KeepsRowsAndOtherColumns) {
  const Context context;
  for (const Task task : {Task::kRegression, Task::kBinary, Task::kMulticlass}) {
    const auto p = problem(203, task);
    for_each_variant([&](const ParamMap& params) {
      const auto step = info().make(params);
      auto columns = columns_for(info(), p->x);
      const Frame out = step->fit_transform(p->x, p->rows, p->y, columns, context);
      EXPECT_EQ(out.n_rows(), p->x.n_rows());
      for (std::size_t c = 0; c < p->x.n_columns(); ++c) {
        if (std::ranges::find(columns, p->x.name(c)) != columns.end()) continue;
        ASSERT_TRUE(out.find(p->x.name(c)).has_value()) << p->x.name(c);
        EXPECT_TRUE(same(bytes_of(out.column(p->x.name(c))), bytes_of(p->x.column(c))));
      }
    });
  }
}

TEST_P(TransformerContract, SameBytesForAnyNumberOfThreads) {
  ThreadPool pool(4);
  Context many;
  many.pool = &pool;
  many.n_threads = 4;
  const auto p = problem(4501, Task::kMulticlass);
  for_each_variant([&](const ParamMap& params) {
    const auto a = info().make(params), b = info().make(params);
    const auto columns = columns_for(info(), p->x);
    const Frame x = p->x.select(columns);  // several blocks of rows, and no more columns than needed
    const auto one_bytes = bytes_of(a->fit_transform(x, p->rows, p->y, columns, Context{}));
    EXPECT_TRUE(same(one_bytes, bytes_of(b->fit_transform(x, p->rows, p->y, columns, many))));
    EXPECT_TRUE(same(bytes_of(a->transform(x, Context{})), bytes_of(b->transform(x, many))));
  });
}

TEST_P(TransformerContract, RowsThatAreNotFittedDoNotMatter) {
  // The other rows of the second frame are shifted: fit() must not have looked at them, so the states agree.
  const auto p = problem(120, Task::kBinary);
  std::vector<std::uint32_t> fitted;
  for (std::uint32_t i = 0; i < 60; ++i) fitted.push_back(i);
  std::vector<std::uint32_t> mixed(fitted);
  for (std::uint32_t i = 0; i < 60; ++i) mixed.push_back(119 - i);
  const Frame other = p->x.take(mixed);
  for_each_variant([&](const ParamMap& params) {
    const auto a = info().make(params), b = info().make(params);
    a->fit(p->x, fitted, p->y, columns_for(info(), p->x), {});
    b->fit(other, fitted, p->y, columns_for(info(), p->x), {});
    EXPECT_TRUE(same(bytes_of(a->transform(p->x, {})), bytes_of(b->transform(p->x, {}))));
  });
}

TEST_P(TransformerContract, OneRowAtATimeGivesTheSame) {
  if (GetParam() == "fill_in_order") return;  // looks at the rows around
  const auto p = problem(60, Task::kRegression);
  for_each_variant([&](const ParamMap& params) {
    const auto step = info().make(params);
    step->fit(p->x, p->rows, p->y, columns_for(info(), p->x), {});
    const Frame whole = step->transform(p->x, {});
    for (std::size_t row = 0; row < 60; row += 7) {
      const Frame one = step->transform(p->x.slice(row, 1), {});
      const std::uint32_t picked[] = {static_cast<std::uint32_t>(row)};
      EXPECT_TRUE(same(bytes_of(one), bytes_of(whole.take(picked)))) << "row " << row;
    }
  });
}

TEST_P(TransformerContract, SurvivesEmptyAndSingleRowFits) {
  const auto p = problem(30, Task::kMulticlass);
  const std::vector<std::uint32_t> none, one = {4};
  for_each_variant([&](const ParamMap& params) {
    for (const auto& rows : {none, one}) {
      const auto step = info().make(params);
      const Frame out = step->fit_transform(p->x, rows, p->y, columns_for(info(), p->x), {});
      EXPECT_EQ(out.n_rows(), 30U);
      EXPECT_EQ(step->transform(p->x.slice(0, 0), {}).n_rows(), 0U);
    }
  });
}

TEST_P(TransformerContract, SavesAndLoads) {
  const TempFolder folder;
  const auto p = problem(203, Task::kMulticlass);
  int n = 0;
  for_each_variant([&](const ParamMap& params) {
    const auto step = info().make(params);
    step->fit(p->x, p->rows, p->y, columns_for(info(), p->x), {});
    artifact::Node node;
    step->save(node);
    artifact::ContainerWriter writer;
    writer.add_node("step", node);
    const auto path = folder.path() / fmt::format("step_{}.kolosal", n++);
    writer.write(path);
    const auto loaded = info().make(params);
    loaded->load(artifact::Container::open(path).node("step"));
    EXPECT_TRUE(same(bytes_of(loaded->transform(p->x, {})), bytes_of(step->transform(p->x, {}))));
  });
}

TEST_P(TransformerContract, RefusesWrongUse) {
  const auto p = problem(30, Task::kBinary);
  const auto step = info().make({});
  EXPECT_ERROR(step->transform(p->x, {}), kNotFitted, HasSubstr("before fit"));
  const auto columns = columns_for(info(), p->x);
  step->fit(p->x, p->rows, p->y, columns, {});
  const std::vector<std::string> first = {columns[0]};
  EXPECT_ERROR(step->transform(p->x.without(first), {}), kData, HasSubstr(columns[0]));
  Frame changed = p->x.without(first);
  changed.add(columns[0], Column::from_sparse(std::vector<std::int64_t>(31), {}, {}, 3));
  if (p->x.column(columns[0]).type() != ColumnType::kSparse) {
    EXPECT_ERROR(step->transform(changed, {}), kData, HasSubstr("in training"));
  }
  EXPECT_ERROR(info().make({{"no_such_parameter", true}}), kInvalidParameter, HasSubstr("no_such_parameter"));
}

TEST_P(TransformerContract, TheTargetMattersOnlyWhereItSays) {
  const auto p = problem(203, Task::kBinary);
  for_each_variant([&](const ParamMap& params) {
    const auto a = info().make(params), b = info().make(params);
    if (a->uses_target()) {
      EXPECT_ERROR(a->fit(p->x, p->rows, {}, columns_for(info(), p->x), {}), kInvalidParameter,
                   HasSubstr("target"));
      return;
    }
    a->fit(p->x, p->rows, p->y, columns_for(info(), p->x), {});
    b->fit(p->x, p->rows, {}, columns_for(info(), p->x), {});
    if (GetParam() == "drop_id_like") return;  // looks at a target when there is one
    EXPECT_TRUE(same(bytes_of(a->transform(p->x, {})), bytes_of(b->transform(p->x, {}))));
  });
}

TEST_P(TransformerContract, StatelessStepsDoNotLookAtRows) {
  const auto p = problem(203, Task::kBinary);
  for_each_variant([&](const ParamMap& params) {
    const auto a = info().make(params), b = info().make(params);
    if (!a->is_stateless()) return;
    a->fit(p->x, p->rows, p->y, columns_for(info(), p->x), {});
    b->fit(p->x, {}, p->y, columns_for(info(), p->x), {});
    EXPECT_TRUE(same(bytes_of(a->transform(p->x, {})), bytes_of(b->transform(p->x, {}))));
  });
}

// The rows [begin, end) of a problem as a batch.
void gather(Transformer& step, const Problem& p, const std::vector<std::string>& columns, std::size_t begin,
            std::size_t end, const Context& context = {}) {
  TargetView y = p.y;
  y.values = y.values.subspan(begin, end - begin);
  step.partial_fit(with_own_dictionaries(p.x.slice(begin, end - begin)), y, columns, context);
}

// Beside columns of 1e308 and -2^63 the others have no digits left, so no two ways of adding agree on a
// direction.
std::vector<std::string> stream_columns(const TransformerInfo& info, const Frame& x) {
  auto out = columns_for(info, x);
  if (info.name == "pca")
    std::erase_if(out, [](const std::string& name) { return name == "huge" || name == "integer"; });
  return out;
}

TEST_P(TransformerContract, AStreamIsFittedAsTheWholeTable) {
  ThreadPool pool(2);
  Context two;
  two.pool = &pool;
  two.n_threads = 2;
  for (const Task task : {Task::kRegression, Task::kBinary, Task::kMulticlass}) {
    const auto p = problem(257, task, 1);
    const auto columns = stream_columns(info(), p->x);
    const auto holds = [&](const ParamMap& params) {
      const auto whole = info().make(params);
      if (GetParam() == "chi2" && task == Task::kRegression) {  // bins of the target need all rows first
        EXPECT_ERROR(gather(*whole, *p, columns, 0, 257), kUnsupported, HasSubstr("batch by batch"));
        return;
      }
      if (!whole->can_stream()) {
        EXPECT_ERROR(gather(*whole, *p, columns, 0, 257), kUnsupported, HasSubstr("batch by batch"));
        return;
      }
      if (GetParam() == "weight_of_evidence" && task == Task::kRegression) {  // needs the median first
        EXPECT_ERROR(gather(*whole, *p, columns, 0, 257), kUnsupported, HasSubstr("batch by batch"));
        return;
      }
      whole->fit(p->x, p->rows, p->y, columns, {});
      const Frame want = whole->transform(p->x, {});

      // Two rounds: what the first one gathered must not be left in the second.
      const auto batches = info().make(params);
      for (int round = 0; round < 2; ++round) {
        const std::size_t ends[] = {1, 4, 4, 100, 256, 257};
        std::size_t begin = 0;
        for (const std::size_t end : ends) gather(*batches, *p, columns, begin, end, two), begin = end;
        batches->finish_fit({});
        EXPECT_TRUE(same_to_rounding(batches->transform(p->x, {}), want));
      }

      const auto front = info().make(params), back = info().make(params), fresh = info().make(params);
      gather(*front, *p, columns, 0, 90);
      gather(*back, *p, columns, 90, 257);
      fresh->merge(*back);  // into one that has seen nothing, and in the other order
      fresh->merge(*front);
      front->merge(*back);
      front->merge(*info().make(params));  // nothing to add
      front->finish_fit({});
      fresh->finish_fit({});
      EXPECT_TRUE(same_to_rounding(front->transform(p->x, {}), want));
      EXPECT_TRUE(same_to_rounding(fresh->transform(p->x, {}), want));
    };
    for_each_variant(holds);
    for_each_rule(holds);
  }
}

TEST_P(TransformerContract, TheOrderOfRowsDoesNotMatterToStepsThatStream) {
  const auto p = problem(203, Task::kBinary, 1);
  std::vector<std::uint32_t> order(203);
  for (std::uint32_t i = 0; i < 203; ++i) order[i] = i * 64 % 203;
  const Frame shuffled = p->x.take(order);
  std::vector<double> values;
  for (const std::uint32_t row : order) values.push_back(p->values[row]);
  const TargetView y{Task::kBinary, values, {}, 2};
  for_each_variant([&](const ParamMap& params) {
    const auto a = info().make(params), b = info().make(params);
    if (!a->can_stream()) return;
    a->fit(p->x, p->rows, p->y, stream_columns(info(), p->x), {});
    b->fit(shuffled, p->rows, y, stream_columns(info(), p->x), {});
    EXPECT_TRUE(same_to_rounding(a->transform(p->x, {}), b->transform(p->x, {})));
  });
}

TEST_P(TransformerContract, AStreamWithoutRowsIsTheFitOnNone) {
  const auto p = problem(30, Task::kBinary, 1);
  auto columns = columns_for(info(), p->x);
  // A table has levels without rows; a stream has not.
  std::erase_if(columns,
                [&](const std::string& name) { return p->x.column(name).type() == ColumnType::kCategory; });
  if (columns.empty()) return;
  for_each_variant([&](const ParamMap& params) {
    const auto whole = info().make(params), stream = info().make(params);
    if (!whole->can_stream()) return;
    whole->fit(p->x, {}, p->y, columns, {});
    stream->partial_fit(p->x.slice(0, 0), {}, columns, {});
    stream->finish_fit({});
    EXPECT_TRUE(same_to_rounding(stream->transform(p->x, {}), whole->transform(p->x, {})));
  });
}

TEST_P(TransformerContract, AStreamRefusesWhatDoesNotFit) {
  const auto p = problem(60, Task::kBinary, 1);
  const auto columns = columns_for(info(), p->x);
  for_each_variant([&](const ParamMap& params) {
    const auto step = info().make(params), other = info().make(params);
    if (!step->can_stream()) {
      EXPECT_ERROR(step->merge(*other), kUnsupported, HasSubstr("batch by batch"));
      return;
    }
    EXPECT_ERROR(step->finish_fit({}), kNotFitted, HasSubstr("batch"));
    EXPECT_ERROR(step->merge(*make_transformer(GetParam() == "scale" ? "impute" : "scale")),
                 kInvalidParameter, HasSubstr(GetParam()));
    gather(*step, *p, columns, 0, 30);
    EXPECT_ERROR(step->transform(p->x, {}), kNotFitted, HasSubstr("before fit"));
    if (columns.size() > 1) {
      const std::vector<std::string> fewer(columns.begin() + 1, columns.end());
      EXPECT_ERROR(gather(*step, *p, fewer, 30, 60), kInvalidParameter, HasSubstr(columns[0]));
      gather(*other, *p, fewer, 30, 60);
      EXPECT_ERROR(step->merge(*other), kInvalidParameter, HasSubstr(columns[0]));
    }
    Frame changed = p->x.without({columns.data(), 1});
    changed.add(columns[0], Column::from_sparse(std::vector<std::int64_t>(61), {}, {}, 3));
    if (p->x.column(columns[0]).type() != ColumnType::kSparse) {
      EXPECT_ERROR(step->partial_fit(changed, p->y, columns, {}), kData, HasSubstr(columns[0]));
    }
  });
}

TEST_P(TransformerContract, TheInverseGivesTheCellsBack) {
  const auto p = problem(203, Task::kBinary, 1);
  Frame x = p->x;
  // Infinities are no numbers, and of 1e308 and 1e-310 a scale has no digits left.
  const std::vector<std::string> hopeless = {"infinite", "huge", "tiny", "integer", "moment"};
  x = x.without(hopeless);
  for_each_variant([&](const ParamMap& params) {
    const auto step = info().make(params);
    if (!step->has_inverse()) {
      EXPECT_ERROR(step->inverse_transform(x, {}), kUnsupported, HasSubstr("inverse"));
      return;
    }
    EXPECT_ERROR(step->inverse_transform(x, {}), kNotFitted, HasSubstr("before fit"));
    const auto columns = columns_for(info(), x);
    const Frame made = step->fit_transform(x, p->rows, p->y, columns, {});
    const Frame back = step->inverse_transform(made, {});
    if (params.contains("clip") && to_string(params.at("clip")) != "0") return;  // it has cut cells
    for (const auto& name : columns) {
      if (GetParam() == "pca") break;  // missing cells come back as means; its own tests have the rest
      const Column &want = x.column(name), &got = back.column(name);
      for (std::size_t row = 0; row < x.n_rows(); ++row)
        if (want.is_numeric())
          ASSERT_TRUE(near_or_same(got.number(row), want.number(row),
                                   want.type() == ColumnType::kFloat32 ? 1e-6 : 1e-9))
              << name << " row " << row << ": " << got.cell_text(row) << ", not " << want.cell_text(row);
        else
          ASSERT_EQ(got.cell_text(row), want.cell_text(row)) << name << " row " << row;
    }
    artifact::Node node;
    step->save(node);
    const auto loaded = info().make(params);
    loaded->load(node);
    EXPECT_TRUE(same(bytes_of(loaded->inverse_transform(made, {})), bytes_of(back)));
  });
}

std::vector<std::string> all_names() {
  std::vector<std::string> out;
  for (const auto& info : transformers()) out.push_back(info.name);
  return out;
}

INSTANTIATE_TEST_SUITE_P(Registry, TransformerContract, ::testing::ValuesIn(all_names()),
                         [](const auto& parameter) { return parameter.param; });

TEST(Transformers, AreFoundByName) {
  EXPECT_ERROR(transformer_info("imputer"), kInvalidParameter, HasSubstr("did you mean \"impute\""));
  EXPECT_GE(transformers().size(), 16U);
}

TEST(Selector, TakesTypesAndNames) {
  const Frame x = hostile_frame(4);
  EXPECT_THAT((Selector{"time", {}}.resolve(x)), ::testing::ElementsAre("day", "moment"));
  EXPECT_THAT((Selector{"category, text", {}}.resolve(x)),
              ::testing::ElementsAre("few", "many", "none", "single_level", "text", "empty_text"));
  EXPECT_THAT((Selector{"all", {"flag", "plain"}}.resolve(x)), ::testing::ElementsAre("flag", "plain"));
  EXPECT_ERROR((Selector{"all", {"plane"}}.resolve(x)), kData, HasSubstr("plain"));
  EXPECT_ERROR((Selector{"categroy", {}}.resolve(x)), kInvalidParameter, HasSubstr("category"));
}

}  // namespace
}  // namespace kolosal::transform
