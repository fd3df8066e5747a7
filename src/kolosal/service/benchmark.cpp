#include "kolosal/service/benchmark.hpp"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "kolosal/artifact/container.hpp"
#include "kolosal/automl/run.hpp"
#include "kolosal/automl/stage.hpp"
#include "kolosal/automl/trial.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/core/memory.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/pipeline/model.hpp"

namespace kolosal::service {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::string_view kAutoml = "automl";
constexpr std::size_t kTimedRows = 500;
/// Above this many cells a fit gets all threads, as in a run, where fits of smaller tables run side by side.
constexpr std::size_t kCellsForThreads = 4'000'000;
constexpr double kLeastAutoml_s = 1;  // a fold of less gives only the constant

/// The most memory that is taken while it lives, above what was there.
///
/// The kernel's high-water mark is set back at the start, where it allows that.
class MemoryProbe {
 public:
  MemoryProbe() {
    give_back_free_memory();  // or memory that was free already would be reused and not counted
    std::ofstream file("/proc/self/clear_refs");
    is_reset_ = static_cast<bool>(file << "5" << std::flush);
    before_ = memory_use().resident_bytes;
  }
  std::size_t taken() const {
    const std::size_t peak = memory_use().peak_resident_bytes;
    return is_reset_ && peak > before_ ? peak - before_ : 0;
  }

 private:
  bool is_reset_ = false;
  std::size_t before_ = 0;
};

struct FoldFigures {
  double score = 0;
  double fit_s = 0;
  double predict_us_per_row = 0;
  std::size_t memory_bytes = 0;
  std::size_t model_bytes = 0;
  bool cut_short = false;
  std::string note;
};

/// A table made ready, and its folds.
struct Bench {
  data::Frame table;  // rows with a target, as the file has them
  automl::ProblemOptions options;
  automl::Problem problem;
  data::TargetView y;
  data::Frame base;
  std::vector<pipeline::Split> splits;
  std::unique_ptr<automl::Stage> stage;
};

data::Frame rows_with_target(data::Frame table, const std::string& target) {
  const auto at = table.find(target);
  if (!at || table.column(*at).n_missing() == 0) return table;
  std::vector<std::uint32_t> rows;
  for (std::size_t i = 0; i < table.n_rows(); ++i)
    if (!table.column(*at).is_missing(i)) rows.push_back(static_cast<std::uint32_t>(i));
  return table.take(rows);
}

std::unique_ptr<Bench> make_bench(const std::filesystem::path& path, const BenchmarkRequest& request,
                                  const Context& context) {
  auto out = std::make_unique<Bench>();
  out->table = io::read_table(path, request.read, context);
  out->options = request.problem;
  if (out->options.target.empty()) {
    if (out->table.n_columns() == 0) throw Error(ErrorCode::kData, "{} has no columns", path.string());
    out->options.target = out->table.name(out->table.n_columns() - 1);
  }
  out->table = rows_with_target(std::move(out->table), out->options.target);
  out->problem = automl::make_problem(out->table, out->options);
  out->y = out->problem.target_view();
  std::vector<std::uint32_t> all(out->problem.n_rows());
  std::iota(all.begin(), all.end(), 0U);
  transform::Recipe recipe(automl::base_plan().specs());
  out->base = recipe.fit_transform(out->problem.features, all, out->y,
                                   context.with_seed(derive_seed(request.seed, {"base"})));
  pipeline::SplitPlan plan;
  plan.n_folds = std::min(request.n_folds, out->problem.n_rows());
  plan.groups = out->problem.groups;
  plan.times = out->problem.times;
  out->splits = pipeline::make_splits(out->y, all, plan, derive_seed(request.seed, {"splits"}));
  auto cache = std::make_shared<automl::FeatureCache>(
      std::min<std::size_t>(context.memory_limit_bytes / 4, 768UL << 20));
  out->stage = automl::make_stage(0, out->splits.front().train.size(), out->base, out->y, out->splits,
                                  std::move(cache), request.seed, context);
  return out;
}

/// A model as the user names it: a learner, perhaps with parameters,
/// "lightgbm:boosting=dart:learning_rate=0.2".
struct ModelSpec {
  std::string text;
  std::string learner;
  ParamMap params;
};

ModelSpec model_spec(const std::string& text) {
  ModelSpec out{text, text.substr(0, text.find(':')), {}};
  for (std::size_t at = out.learner.size(); at < text.size();) {
    const std::size_t end = std::min(text.find(':', at + 1), text.size());
    const std::string word = text.substr(at + 1, end - at - 1);
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos)
      throw Error(ErrorCode::kInvalidParameter,
                  "--models: \"{}\" of \"{}\" has no =; write a learner with parameters as "
                  "lightgbm:boosting=dart:learning_rate=0.2",
                  word, text);
    out.params[word.substr(0, equals)] = word.substr(equals + 1);
    at = end;
  }
  return out;
}

/// The learner's first entry of the portfolio, or itself as it is.
automl::Candidate candidate_for(const model::EstimatorInfo& info, const automl::TableShape& shape) {
  for (const automl::Candidate& candidate : automl::make_portfolio(shape))
    if (candidate.estimator == info.name && candidate.choices.are_none()) return candidate;
  if (auto candidate = automl::plain_candidate(info, shape)) return *std::move(candidate);
  return {info.name, info.name, {}, "linear"};  // its fit tells why not
}

data::TargetView part_of(const data::TargetView& y, const std::vector<std::uint32_t>& rows,
                         std::vector<double>& target, std::vector<double>& weights) {
  for (const std::uint32_t row : rows) {
    target.push_back(y.values[row]);
    if (!y.weights.empty()) weights.push_back(y.weights[row]);
  }
  return {y.task, target, weights, y.n_classes};
}

double score_of(const Bench& bench, std::size_t fold, const std::vector<double>& prediction) {
  std::vector<double> target, weights;
  const auto y = part_of(bench.y, bench.splits[fold].valid, target, weights);
  return bench.problem.metric->compute(y, prediction);
}

FoldFigures fit_learner(const Bench& bench, const automl::Candidate& candidate, std::size_t fold,
                        const Context& context) {
  FoldFigures out;
  // What the learners share is made before the memory is looked at.
  bench.stage->store->features(candidate.view, fold, context);
  const MemoryProbe memory;
  const automl::FoldResult result =
      automl::run_fold(candidate, fold, *bench.stage->store, bench.stage->y, context);
  out.memory_bytes = memory.taken();
  out.score = score_of(bench, fold, result.prediction);
  out.fit_s = result.seconds / static_cast<double>(std::max<std::size_t>(1, context.n_threads));
  out.predict_us_per_row = 1e6 * result.predict_s;
  artifact::ContainerWriter writer;
  writer.add_node("model", result.pipeline);
  out.model_bytes = writer.n_bytes();
  out.cut_short = result.cut_short;
  out.note = result.note;
  return out;
}

/// A model's probabilities as the problem numbers its classes; a class that it never saw has none.
std::vector<double> in_order_of(const std::vector<std::string>& classes, const pipeline::Model& model,
                                std::vector<double> prediction) {
  if (model.task == data::Task::kRegression || model.classes == classes) return prediction;
  const bool is_binary = model.task == data::Task::kBinary;
  const std::size_t width = model.n_outputs(), n = prediction.size() / width;
  const std::size_t out_width = classes.size() > 2 ? classes.size() : 1;
  std::vector<double> out(n * out_width, 0.0);
  for (std::size_t k = 0; k < model.classes.size(); ++k) {
    const auto at = static_cast<std::size_t>(std::ranges::find(classes, model.classes[k]) - classes.begin());
    if (at == classes.size() || (out_width == 1 && at == 0)) continue;
    for (std::size_t i = 0; i < n; ++i) {
      const double p = is_binary ? (k == 1 ? prediction[i] : 1 - prediction[i]) : prediction[i * width + k];
      out[i * out_width + (out_width == 1 ? 0 : at)] = p;
    }
  }
  return out;
}

FoldFigures fit_automl(const Bench& bench, std::size_t fold, double seconds,
                       const std::filesystem::path& folder, std::uint64_t seed, const Context& context) {
  FoldFigures out;
  automl::RunOptions options;
  options.problem = bench.options;
  options.time_budget_s = seconds;
  options.seed = seed;
  options.output = folder / "model.kolosal";
  Context limited = context;
  const double start = Clock::system().now_s();
  limited.deadline = Deadline(Clock::system(), start + seconds);
  const data::Frame train = bench.table.take(bench.splits[fold].train);
  const MemoryProbe memory;
  const automl::RunResult result = automl::run(train, options, limited, {});
  out.memory_bytes = memory.taken();
  out.fit_s = Clock::system().now_s() - start;
  out.model_bytes = result.model_bytes;
  const auto model = pipeline::Model::open(options.output);
  const data::Frame valid = bench.table.take(bench.splits[fold].valid);
  auto prediction = in_order_of(bench.problem.classes, model, model.predict(valid, context));
  // The folds' targets are in the unit of the problem.
  if (bench.problem.is_log_target)
    for (double& value : prediction) value = std::log1p(value);
  out.score = score_of(bench, fold, prediction);
  const data::Frame sample = valid.slice(0, std::min(valid.n_rows(), kTimedRows));
  const double before = Clock::system().now_s();
  model.predict(sample, context.single_threaded());
  out.predict_us_per_row = 1e6 * (Clock::system().now_s() - before) /
                           static_cast<double>(std::max<std::size_t>(1, sample.n_rows()));
  return out;
}

double deviation_of(const std::vector<double>& values, double mean) {
  if (values.size() < 2) return kNaN;
  double sum = 0;
  for (const double v : values) sum += (v - mean) * (v - mean);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

/// Fits a model on fold after fold while its seconds last.
BenchmarkRow bench_model(const std::string& name, std::size_t n_folds, double budget_s,
                         const Context& context,
                         const std::function<FoldFigures(std::size_t fold, double seconds)>& fit) {
  BenchmarkRow out;
  out.model = name;
  const double end_s = Clock::system().now_s() + budget_s;
  const auto add_note = [&](const std::string& text) {
    if (!text.empty() && out.note.find(text) == std::string::npos)
      out.note += (out.note.empty() ? "" : "; ") + text;
  };
  for (std::size_t fold = 0; fold < n_folds; ++fold) {
    const double left_s = end_s - Clock::system().now_s();
    if (context.should_stop()) break;
    if (left_s <= 0) {
      add_note(fmt::format("no time for {} of {} folds", n_folds - fold, n_folds));
      break;
    }
    try {
      const FoldFigures figures = fit(fold, left_s / static_cast<double>(n_folds - fold));
      if (context.cancel && context.cancel->is_cancelled()) break;  // half a fit tells nothing
      if (!std::isfinite(figures.score)) throw Error(ErrorCode::kData, "its score is not finite");
      out.fold_scores.push_back(figures.score);
      out.fit_s += figures.fit_s;
      out.predict_us_per_row += figures.predict_us_per_row;
      out.memory_bytes = std::max(out.memory_bytes, figures.memory_bytes);
      out.model_bytes += figures.model_bytes;
      if (figures.cut_short) add_note("stopped by the budget");
      add_note(figures.note);
    } catch (const Error& error) {
      add_note(error.what());
      if (error.code() != ErrorCode::kBudget) break;  // it would fail on each fold
    } catch (const std::bad_alloc&) {
      add_note("not enough memory");
      break;
    }
  }
  const auto n = static_cast<double>(out.fold_scores.size());
  if (n > 0 && out.fold_scores.size() < n_folds)
    add_note(
        fmt::format("the mean of {} of {} folds, so behind those of all", out.fold_scores.size(), n_folds));
  out.score = n > 0 ? std::accumulate(out.fold_scores.begin(), out.fold_scores.end(), 0.0) / n : kNaN;
  out.deviation = deviation_of(out.fold_scores, out.score);
  out.fit_s = n > 0 ? out.fit_s / n : kNaN;
  out.predict_us_per_row = n > 0 ? out.predict_us_per_row / n : kNaN;
  if (n > 0) out.model_bytes /= out.fold_scores.size();
  return out;
}

bool is_automl_wanted(const BenchmarkRequest& request) {
  return request.models.empty() || std::ranges::find(request.models, kAutoml) != request.models.end();
}

/// Those of a learner that are asked for.
std::vector<ModelSpec> wanted_of(const BenchmarkRequest& request, const std::string& learner) {
  if (request.models.empty()) return {{learner, learner, {}}};
  std::vector<ModelSpec> out;
  for (const std::string& text : request.models)
    if (ModelSpec spec = model_spec(text); spec.learner == learner) out.push_back(std::move(spec));
  return out;
}

void check_models(const std::vector<std::string>& models) {
  std::vector<std::string> known = {std::string(kAutoml)};
  for (const auto& info : model::estimators()) known.push_back(info.name);
  for (const std::string& text : models) {
    const ModelSpec spec = model_spec(text);
    if (std::ranges::find(known, spec.learner) == known.end()) {
      const std::string near = nearest_name(spec.learner, known);
      throw Error(ErrorCode::kInvalidParameter, "--models: there is no model \"{}\"; there are {}{}",
                  spec.learner, fmt::join(known, ", "),
                  near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near));
    }
    if (spec.learner != kAutoml)
      model::make_estimator(spec.learner, spec.params);
    else if (!spec.params.empty())
      throw Error(ErrorCode::kInvalidParameter, "--models: automl has no parameters: {}", text);
  }
}

/// A folder that is gone at the end of the scope.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "kolosal_benchmark_XXXXXX").string();
    if (!mkdtemp(name.data()))
      throw Error(ErrorCode::kIo, "can not make a folder in {}",
                  std::filesystem::temp_directory_path().string());
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;  // a temporary folder that stays harms nothing
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

BenchmarkRow bench_learner(const Bench& bench, const std::string& name, const automl::Candidate& candidate,
                           const BenchmarkRequest& request, const Context& context) {
  BenchmarkRow out = bench_model(
      name, bench.splits.size(), request.budget_s, context, [&](std::size_t fold, double seconds) {
        Context limited =
            context.with_seed(derive_seed(request.seed, {std::string_view(candidate.estimator), fold}));
        if (bench.base.n_rows() * bench.base.n_columns() <= kCellsForThreads) limited.n_threads = 1;
        limited.deadline = Deadline(Clock::system(), Clock::system().now_s() + seconds);
        return fit_learner(bench, candidate, fold, limited);
      });
  out.view = candidate.view;
  return out;
}

void bench_table(TableBenchmark& out, const BenchmarkRequest& request, const Context& context,
                 const std::function<void(const BenchmarkRow&)>& ended) {
  const auto bench = make_bench(out.data, request, context);
  out.target = bench->options.target;
  out.task = data::task_name(bench->problem.task);
  out.metric = bench->problem.metric->name;
  out.higher_is_better = bench->problem.metric->higher_is_better;
  out.n_rows = bench->problem.n_rows();
  out.n_columns = bench->problem.features.n_columns();
  out.n_folds = bench->splits.size();
  out.notes = bench->problem.notes;
  const auto add = [&](BenchmarkRow row) {
    if (context.should_stop() && row.fold_scores.empty()) return;
    ended(row);
    out.rows.push_back(std::move(row));
  };
  for (const auto& info : model::estimators()) {
    if (context.should_stop()) return;
    const auto wanted = wanted_of(request, info.name);
    if (wanted.empty() || std::ranges::find(info.tasks, bench->problem.task) == info.tasks.end()) continue;
    if (const std::string reason = info.unavailable(); !reason.empty()) {
      out.notes.push_back(fmt::format("{} is left out: {}", info.name, reason));
      continue;
    }
    for (const ModelSpec& spec : wanted) {
      automl::Candidate candidate = candidate_for(info, bench->stage->shape);
      for (const auto& [name, value] : spec.params) candidate.params[name] = value;
      add(bench_learner(*bench, spec.text, candidate, request, context));
    }
  }
  if (!is_automl_wanted(request) || context.should_stop()) return;
  const ScratchFolder folder;
  add(bench_model(std::string(kAutoml), bench->splits.size(), request.budget_s, context,
                  [&](std::size_t fold, double seconds) {
                    if (seconds < kLeastAutoml_s)
                      throw Error(ErrorCode::kBudget, "a fold of {:.1f} s is too little for a search",
                                  seconds);
                    return fit_automl(*bench, fold, seconds, folder.path(), request.seed, context);
                  }));
}

}  // namespace

BenchmarkReport run_benchmark(const BenchmarkRequest& request, const Context& context,
                              const std::function<void(const std::string&)>& progress) {
  check_models(request.models);
  BenchmarkReport out;
  out.budget_s = request.budget_s;
  out.n_threads = context.n_threads;
  for (const auto& path : request.data) {
    if (context.should_stop()) break;
    TableBenchmark table;
    table.data = path;
    try {
      bench_table(table, request, context, [&](const BenchmarkRow& row) {
        if (progress)
          progress(fmt::format("{}: {} {}", path.filename().string(), row.model,
                               row.fold_scores.empty() ? "failed: " + row.note
                                                       : fmt::format("{} {:.5g}, {:.2f} s a fold",
                                                                     table.metric, row.score, row.fit_s)));
      });
    } catch (const Error& error) {
      if (request.data.size() == 1 && error.code() != ErrorCode::kInterrupted) throw;
      table.error = error.what();
      if (progress) progress(fmt::format("{}: {}", path.filename().string(), table.error));
    }
    order_rows(table);
    out.tables.push_back(std::move(table));
  }
  out.interrupted = context.cancel && context.cancel->is_cancelled();
  return out;
}

void order_rows(TableBenchmark& table) {
  std::ranges::stable_sort(table.rows, [&](const BenchmarkRow& a, const BenchmarkRow& b) {
    const bool is_whole = a.fold_scores.size() == table.n_folds;
    if (is_whole != (b.fold_scores.size() == table.n_folds)) return is_whole;
    if (std::isnan(a.score) || std::isnan(b.score)) return !std::isnan(a.score) && std::isnan(b.score);
    return table.higher_is_better ? a.score > b.score : a.score < b.score;
  });
}

std::vector<MeanRank> mean_ranks(const BenchmarkReport& report) {
  std::map<std::string, MeanRank> ranks;
  for (const TableBenchmark& table : report.tables)
    for (std::size_t i = 0; i < table.rows.size(); ++i) {
      MeanRank& entry = ranks[table.rows[i].model];
      entry.model = table.rows[i].model;
      entry.rank += static_cast<double>(i + 1);
      ++entry.n_tables;
    }
  std::vector<MeanRank> out;
  for (auto& [name, entry] : ranks) {
    entry.rank /= static_cast<double>(entry.n_tables);
    out.push_back(entry);
  }
  std::ranges::stable_sort(out, {}, &MeanRank::rank);
  return out;
}

nlohmann::json to_json(const BenchmarkReport& report) {
  const auto number = [](double value) {
    return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json();
  };
  auto tables = nlohmann::json::array();
  for (const TableBenchmark& table : report.tables) {
    nlohmann::json item = {{"data", table.data.string()},
                           {"target", table.target},
                           {"task", table.task},
                           {"metric", table.metric},
                           {"higher_is_better", table.higher_is_better},
                           {"rows", table.n_rows},
                           {"columns", table.n_columns},
                           {"folds", table.n_folds},
                           {"notes", table.notes},
                           {"models", nlohmann::json::array()}};
    if (!table.error.empty()) item["error"] = table.error;
    for (const BenchmarkRow& row : table.rows)
      item["models"].push_back({{"model", row.model},
                                {"view", row.view},
                                {"score", number(row.score)},
                                {"deviation", number(row.deviation)},
                                {"fold_scores", row.fold_scores},
                                {"fit_s", number(row.fit_s)},
                                {"predict_us_per_row", number(row.predict_us_per_row)},
                                {"memory_bytes", row.memory_bytes},
                                {"model_bytes", row.model_bytes},
                                {"note", row.note}});
    tables.push_back(std::move(item));
  }
  auto ranks = nlohmann::json::array();
  for (const MeanRank& entry : mean_ranks(report))
    ranks.push_back({{"model", entry.model}, {"mean_rank", entry.rank}, {"tables", entry.n_tables}});
  return {{"budget_s", report.budget_s},
          {"threads", report.n_threads},
          {"interrupted", report.interrupted},
          {"mean_ranks", std::move(ranks)},
          {"tables", std::move(tables)}};
}

}  // namespace kolosal::service
