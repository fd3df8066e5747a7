#include "kolosal/transform/testing/hostile_tables.hpp"

#include <limits>

namespace kolosal::transform {
namespace {

using data::Column;
using data::Frame;
using data::Task;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

std::shared_ptr<const data::Dictionary> dictionary(std::vector<std::string> levels) {
  return std::make_shared<const data::Dictionary>(std::move(levels));
}

}  // namespace

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

std::unique_ptr<HostileProblem> hostile_problem(std::size_t n, Task task, std::size_t fit_every) {
  auto out = std::make_unique<HostileProblem>();
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

std::vector<ParamMap> variants_of(const std::string& name) {
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

}  // namespace kolosal::transform
