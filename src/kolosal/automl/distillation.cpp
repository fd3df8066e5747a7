#include "kolosal/automl/distillation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "kolosal/artifact/container.hpp"
#include "kolosal/automl/memory_need.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/core/thread_pool.hpp"
#include "kolosal/model/estimator.hpp"

namespace kolosal::automl {
namespace {

using data::TargetView;
using data::Task;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kAllRows = FeatureStore::kAllRows;

/// Less likely classes are left out of a row's copies; the others share their part.
constexpr double kLeastProbability = 1e-3;
/// Copies of a row at most: of many classes the likeliest.
constexpr std::size_t kMostCopies = 4;

/// Rows that a teacher is asked at a time.
constexpr std::size_t kRowsAtATime = 8192;
/// Of the time, for the teacher's answers.
constexpr double kShareOfAsking = 1.0 / 3;
constexpr std::int64_t kPatience = 40;  // rounds

/// Rows that are made, for each row that is there; and the rows above which none are made.
constexpr std::size_t kMadePerRow = 2;
constexpr std::size_t kMostRows = 30'000;
/// Of a made row's cells, those that come from another row.
constexpr double kShareOfSwaps = 0.3;

constexpr const char* kTimeWasOver =
    "the blend was not distilled: the time was over first; give a larger --time-budget";

/// What one student is taught.
struct Lesson {
  std::vector<double> soft;  // of all rows of the table, n_outputs each; NaN of those nobody was asked about
  data::Frame made;          // further rows of the base
  std::vector<std::uint32_t> made_of;  // the rows that they are made of
  std::vector<double> made_soft;
};

/// Rows of a student's table, some more than once, with a target for each.
struct SoftRows {
  std::vector<std::uint32_t> rows;
  std::vector<double> values, weights;

  void add(std::uint32_t row, double value, double weight) {
    rows.push_back(row);
    values.push_back(value);
    weights.push_back(weight);
  }
};

std::vector<double> class_shares(Task task, std::span<const double> soft) {
  if (task == Task::kBinary) return {1 - soft[0], soft[0]};
  return {soft.begin(), soft.end()};
}

/// The row once for each likely class; a number as it is.
void add_soft(Task task, std::uint32_t row, std::span<const double> soft, double weight, SoftRows& out) {
  if (task == Task::kRegression) return out.add(row, soft[0], weight);
  const auto shares = class_shares(task, soft);
  std::vector<std::size_t> classes(shares.size());
  std::iota(classes.begin(), classes.end(), std::size_t{0});
  std::ranges::stable_sort(classes, std::greater{}, [&](std::size_t k) { return shares[k]; });
  classes.resize(std::min(classes.size(), kMostCopies));
  std::erase_if(classes, [&](std::size_t k) { return !(shares[k] >= kLeastProbability); });
  double total = 0;
  for (const std::size_t k : classes) total += shares[k];
  for (const std::size_t k : classes) out.add(row, static_cast<double>(k), weight * shares[k] / total);
}

/// Rows of the table by what the lesson says of them, or their true target.
SoftRows soft_rows(const Stage& stage, const Lesson& lesson, std::span<const std::uint32_t> rows) {
  const std::size_t width = stage.y.n_outputs();
  SoftRows out;
  for (const std::uint32_t row : rows) {
    const auto soft = std::span(lesson.soft).subspan(row * width, width);
    if (std::isnan(soft[0]))
      out.add(row, stage.y.values[row], stage.y.weight(row));
    else
      add_soft(stage.y.task, row, soft, stage.y.weight(row), out);
  }
  return out;
}

SoftRows soft_made_rows(const Stage& stage, const Lesson& lesson) {
  const std::size_t width = stage.y.n_outputs();
  SoftRows out;
  for (std::size_t i = 0; i < lesson.made_of.size(); ++i)
    add_soft(stage.y.task, static_cast<std::uint32_t>(i),
             std::span(lesson.made_soft).subspan(i * width, width), stage.y.weight(lesson.made_of[i]), out);
  return out;
}

/// A student's table: training rows, made rows, validation rows.
struct StudentTable {
  data::Frame x;
  std::vector<double> values, weights;
  std::size_t n_train = 0;
};

StudentTable student_table(const Stage& stage, const Lesson& lesson, const FoldFeatures& features,
                           std::size_t fold, const Context& context) {
  const SoftRows train = soft_rows(stage, lesson, stage.store->train_rows(fold));
  const SoftRows made = soft_made_rows(stage, lesson);
  const SoftRows valid = soft_rows(stage, lesson, stage.store->valid_rows(fold));
  std::vector<data::Frame> parts = {features.frame.take(train.rows)};
  if (!made.rows.empty())
    parts.push_back(features.per_fold->transform(features.shared->transform(lesson.made, context), context)
                        .take(made.rows));
  if (!valid.rows.empty()) parts.push_back(features.frame.take(valid.rows));
  StudentTable out;
  out.x = data::concatenate(parts);
  for (const SoftRows* rows : {&train, &made, &valid}) {
    out.values.insert(out.values.end(), rows->values.begin(), rows->values.end());
    out.weights.insert(out.weights.end(), rows->weights.begin(), rows->weights.end());
  }
  out.n_train = train.rows.size() + made.rows.size();
  return out;
}

FoldResult fit_student(const Candidate& candidate, std::size_t fold, const Stage& stage, const Lesson& lesson,
                       const Context& context) {
  const auto features = stage.store->features(candidate.view, fold, context);
  const StudentTable table = student_table(stage, lesson, *features, fold, context);
  const TargetView y{stage.y.task, table.values, table.weights, stage.y.n_classes};
  std::vector<std::uint32_t> numbers(table.values.size());
  std::iota(numbers.begin(), numbers.end(), 0U);
  const auto all = std::span<const std::uint32_t>(numbers);
  const auto estimator = model::make_estimator(candidate.estimator, candidate.params);
  const double start = Clock::system().now_s();
  const auto report =
      estimator->fit({&table.x, y}, nullptr, {all.first(table.n_train), all.subspan(table.n_train)}, context);
  FoldResult out;
  out.seconds = (Clock::system().now_s() - start) * static_cast<double>(context.n_threads);
  out.n_rounds = report.n_rounds;
  out.cut_short = report.stopped_by_deadline;
  const auto valid = stage.store->valid_rows(fold);
  const data::Frame seen = valid.empty()
                               ? features->frame.slice(0, std::min<std::size_t>(stage.base.n_rows(), 500))
                               : features->frame.take(valid);
  out.prediction.resize(seen.n_rows() * stage.y.n_outputs());
  const double before = Clock::system().now_s();
  estimator->predict(seen, out.prediction, context.single_threaded());
  out.predict_s = (Clock::system().now_s() - before) / static_cast<double>(seen.n_rows());
  pipeline::Pipeline::save_parts(out.pipeline, candidate.estimator, candidate.params, *features->per_fold,
                                 *estimator, {}, {});
  return out;
}

// ---- lessons ------------------------------------------------------------

/// What the teacher says of the rows, until the deadline; NaN after it.
std::vector<double> answers(const Teacher& teacher, const data::Frame& base_rows, std::size_t fold,
                            std::size_t width, const Context& context) {
  std::vector<double> out(base_rows.n_rows() * width, kNaN);
  for (std::size_t begin = 0; begin < base_rows.n_rows() && !context.should_stop(); begin += kRowsAtATime) {
    const std::size_t n = std::min(kRowsAtATime, base_rows.n_rows() - begin);
    const auto part = teacher.predict(base_rows.slice(begin, n), fold, context);
    std::ranges::copy(part, out.begin() + static_cast<std::ptrdiff_t>(begin * width));
  }
  return out;
}

/// Numbers are kept to the range of the rows that were learned from, as a model's are: a linear member may go
/// far beyond it on made rows.
void clip(const Stage& stage, std::span<const std::uint32_t> rows, std::vector<double>& values) {
  if (stage.y.task != Task::kRegression) return;
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const std::uint32_t row : rows) {
    low = std::min(low, stage.y.values[row]);
    high = std::max(high, stage.y.values[row]);
  }
  for (double& value : values) value = std::isnan(value) ? value : std::clamp(value, low, high);
}

/// Rows like those of the table: each is one of them, with some cells of another (as MUNGE of Bucila, Caruana
/// and Niculescu-Mizil 2006, "Model compression", but with any other row and not the nearest).
void make_rows(const Stage& stage, std::span<const std::uint32_t> rows, std::size_t most, std::uint64_t seed,
               Lesson& out) {
  const std::size_t room = kMostRows - std::min(kMostRows, rows.size());
  const std::size_t n = std::min({kMadePerRow * rows.size(), room, most});
  if (n == 0) return;
  Rng rng(seed);
  std::vector<std::uint32_t> others;
  const auto draw = [&] { return rows[rng.below(rows.size())]; };
  for (std::size_t i = 0; i < n; ++i) {
    out.made_of.push_back(draw());
    others.push_back(draw());
  }
  for (std::size_t c = 0; c < stage.base.n_columns(); ++c) {
    std::vector<std::uint32_t> from = out.made_of;
    for (std::size_t i = 0; i < n; ++i)
      if (rng.uniform() < kShareOfSwaps) from[i] = others[i];
    out.made.add(stage.base.name(c), stage.base.column(c).take(from));
  }
}

/// Made rows about which nobody was asked teach nothing.
void drop_unasked(Lesson& lesson, std::size_t width) {
  std::vector<std::uint32_t> asked;
  for (std::size_t i = 0; i < lesson.made_of.size(); ++i)
    if (!std::isnan(lesson.made_soft[i * width])) asked.push_back(static_cast<std::uint32_t>(i));
  if (asked.size() == lesson.made_of.size()) return;
  Lesson out;
  out.made = lesson.made.take(asked);
  for (const std::uint32_t i : asked) {
    out.made_of.push_back(lesson.made_of[i]);
    const auto soft = std::span(lesson.made_soft).subspan(i * width, width);
    out.made_soft.insert(out.made_soft.end(), soft.begin(), soft.end());
  }
  out.soft = std::move(lesson.soft);
  lesson = std::move(out);
}

/// Adds what is known, and counts it.
void add_known(const std::vector<double>& values, std::vector<double>& sum, std::vector<double>& n) {
  sum.resize(values.size());
  n.resize(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) continue;
    sum[i] += values[i];
    n[i] += 1;
  }
}

/// Of each fold, and of all rows.
struct Lessons {
  std::vector<Lesson> folds;
  Lesson all;
};

/// Rows that may be made for each lesson, so that the teacher has time for them: it is asked of them twice in
/// each fold, for the fold's lesson and for the last one.
std::size_t affordable_made_rows(const Stage& stage, const Teacher& teacher, const Context& asking) {
  if (!asking.deadline.is_set()) return kMostRows;
  constexpr double kMargin = 2;  // for the steps before the learners
  const double seconds = std::max(0.0, asking.deadline.remaining_s()) * static_cast<double>(asking.n_threads);
  const double rows_of_a_fold =
      seconds / (kMargin * teacher.seconds_per_row()) / static_cast<double>(stage.splits.size());
  return static_cast<std::size_t>(
      std::clamp((rows_of_a_fold - static_cast<double>(stage.base.n_rows())) / 2, 0.0, 1.0 * kMostRows));
}

Lessons prepare_lessons(const Stage& stage, const Teacher& teacher, const Context& context) {
  const std::size_t width = stage.y.n_outputs();
  Context asking = context;
  if (context.deadline.is_set())
    asking.deadline = {Clock::system(),
                       Clock::system().now_s() + kShareOfAsking * context.deadline.remaining_s()};
  Lessons out;
  std::vector<double> sum, n, made_sum, made_n;
  const std::size_t most = affordable_made_rows(stage, teacher, asking);
  make_rows(stage, stage.store->train_rows(kAllRows), most, derive_seed(context.seed, {"made"}), out.all);
  for (std::size_t k = 0; k < stage.splits.size(); ++k) {
    Lesson lesson;
    lesson.soft = answers(teacher, stage.base, k, width, asking);
    make_rows(stage, stage.splits[k].train, most, derive_seed(context.seed, {"made", k}), lesson);
    lesson.made_soft = answers(teacher, lesson.made, k, width, asking);
    std::vector<double> of_all = answers(teacher, out.all.made, k, width, asking);
    for (auto* values : {&lesson.soft, &lesson.made_soft, &of_all})
      clip(stage, stage.splits[k].train, *values);
    drop_unasked(lesson, width);
    add_known(lesson.soft, sum, n);
    add_known(of_all, made_sum, made_n);
    out.folds.push_back(std::move(lesson));
  }
  for (std::size_t i = 0; i < sum.size(); ++i) out.all.soft.push_back(sum[i] / n[i]);  // NaN for 0 / 0
  for (std::size_t i = 0; i < made_sum.size(); ++i) out.all.made_soft.push_back(made_sum[i] / made_n[i]);
  drop_unasked(out.all, width);
  return out;
}

// ---- students ------------------------------------------------------------

const TrialResult* best_booster(const std::vector<TrialResult>& results, std::size_t rung) {
  const TrialResult* best = nullptr;
  for (const TrialResult& result : results) {
    const std::string& name = result.candidate.estimator;
    const bool is_forest = name == "lightgbm" || name == "xgboost";
    if (is_forest && result.rung == rung && !result.cut_short && (!best || result.loss < best->loss))
      best = &result;
  }
  return best;
}

/// The best booster's settings, and the same with larger trees: soft targets carry less noise.
std::vector<Candidate> students_of(const Candidate& booster) {
  Candidate plain = booster;
  plain.label = "distilled forest";
  plain.choices = {};
  plain.continues.reset();
  // What a blend expects has no spread of counts and no rare class, and students are stopped early, which
  // dart can not be.
  for (const char* name :
       {"objective", "alpha", "tweedie_variance_power", "class_weight", "boosting", "drop_rate"})
    plain.params.erase(name);
  plain.params["n_estimators"] =
      std::max<std::int64_t>(2000, integer_param(booster.params, "n_estimators", 0));
  if (integer_param(booster.params, "early_stopping_rounds", 0) == 0)
    plain.params["early_stopping_rounds"] = kPatience;
  Candidate larger = plain;
  const auto raise = [&](const char* name, std::int64_t otherwise, auto&& more) {
    larger.params[name] = more(integer_param(booster.params, name, otherwise));
  };
  const auto four_times = [](std::int64_t n) { return std::min<std::int64_t>(255, 4 * n); };
  if (booster.estimator == "lightgbm")
    raise("num_leaves", 31, four_times);
  else if (integer_param(booster.params, "max_depth", 6) == 0)  // grows by leaves
    raise("max_leaves", 64, four_times);
  else
    raise("max_depth", 6, [](std::int64_t depth) { return std::min<std::int64_t>(10, depth + 2); });
  return {std::move(plain), std::move(larger)};
}

/// How often a row stands in a student's table, about: as its likely classes, and as made rows.
double n_copies(const Stage& stage) {
  const double n_classes = stage.y.task == Task::kRegression ? 1 : stage.y.task == Task::kBinary ? 2 : 3;
  const auto n = static_cast<double>(stage.n_train_rows), room = static_cast<double>(kMostRows);
  return n_classes * (1 + std::min(static_cast<double>(kMadePerRow), std::max(0.0, room - n) / n));
}

/// Time of the fit on all rows, as a part of what the folds take: it has more rows, and more rounds.
double last_fit_share(const Stage& stage) {
  const double growth = static_cast<double>(stage.y.values.size()) / static_cast<double>(stage.n_train_rows);
  return growth * growth / static_cast<double>(stage.splits.size());
}

/// Thread-seconds for the folds and the fit on all rows, if it takes as many rounds as the booster did.
double expected_s(const TrialResult& booster, const Stage& stage) {
  return n_copies(stage) * booster.seconds * (1 + last_fit_share(stage));
}

/// Steps so much longer that the student fits in the time.
void hasten(Candidate& candidate, double expected_s, double available_s) {
  constexpr double kHighestRate = 0.3;
  const auto found = candidate.params.find("learning_rate");
  if (found == candidate.params.end() || !(expected_s > available_s)) return;
  auto& rate = std::get<double>(found->second);
  rate = std::max(rate, std::min(kHighestRate, rate * expected_s / std::max(available_s, 1e-3)));
}

/// All folds of a student.
TrialResult validated(const Candidate& candidate, const Stage& stage, const Lessons& lessons,
                      const metric::Metric& metric, std::size_t n_threads_per_fit, const Context& context) {
  std::vector<FoldResult> folds(stage.splits.size());
  const auto fit = [&](std::size_t fold) {
    Context own = context.with_seed(derive_seed(context.seed, {"distil", fold}));
    own.n_threads = n_threads_per_fit;
    folds[fold] = fit_student(candidate, fold, stage, lessons.folds[fold], own);
  };
  if (n_threads_per_fit == 1 && context.pool)
    context.pool->for_each(folds.size(), context.n_threads, fit);
  else
    for (std::size_t fold = 0; fold < folds.size(); ++fold) fit(fold);
  TrialResult out = summarize_folds(candidate, folds, stage.splits, *stage.valid, stage.y, metric);
  out.rung = stage.rung;
  return out;
}

/// The best of the students that fit in the time. One that is cut short is better than none: the fit on all
/// rows has as many rounds, and its part of the time is left to it.
/// @throws Error kBudget when there is no time for a single round.
TrialResult best_student(const TrialResult& booster, const Stage& stage, const Lessons& lessons,
                         const metric::Metric& metric, std::size_t n_threads_per_fit,
                         const Context& context) {
  const auto students = students_of(booster.candidate);
  if (!context.deadline.is_set()) {
    TrialResult plain = validated(students[0], stage, lessons, metric, n_threads_per_fit, context);
    TrialResult larger = validated(students[1], stage, lessons, metric, n_threads_per_fit, context);
    return larger.loss < plain.loss ? std::move(larger) : std::move(plain);
  }
  constexpr double kMargin = 1.3;
  const double start_s = context.deadline.remaining_s();
  const double share_of_folds = 1 / (1 + kMargin * last_fit_share(stage));
  const auto with_time_for_the_last = [&](double left_s) {
    Context out = context;
    out.deadline = {Clock::system(), Clock::system().now_s() + share_of_folds * left_s};
    return out;
  };
  Candidate plain = students[0];
  hasten(plain, expected_s(booster, stage) / static_cast<double>(context.n_threads), 0.7 * start_s);
  TrialResult best =
      validated(plain, stage, lessons, metric, n_threads_per_fit, with_time_for_the_last(start_s));
  const double took_s = start_s - context.deadline.remaining_s(), left_s = context.deadline.remaining_s();
  constexpr double kLargerTakes = 4;  // times as long
  if (best.cut_short || kLargerTakes * took_s > share_of_folds * left_s) return best;
  TrialResult larger =
      validated(students[1], stage, lessons, metric, n_threads_per_fit, with_time_for_the_last(left_s));
  if (!larger.cut_short && larger.loss < best.loss) best = std::move(larger);
  return best;
}

/// With as many rounds as the folds took on their part of the rows.
FoldResult fit_on_all_rows(const TrialResult& student, const Stage& stage, const Lesson& lesson,
                           const Context& context) {
  Candidate candidate = student.candidate;
  const double growth = static_cast<double>(stage.y.values.size()) / static_cast<double>(stage.n_train_rows);
  candidate.params["n_estimators"] = std::max<std::int64_t>(1, std::llround(student.mean_rounds * growth));
  return fit_student(candidate, kAllRows, stage, lesson,
                     context.with_seed(derive_seed(context.seed, {"all"})));
}

}  // namespace

void check_distillation(const RunOptions& options) {
  if (!options.distill) return;
  const auto refuse = [](const char* what, const char* why) {
    throw Error(ErrorCode::kInvalidParameter, "--distill and {} do not go together: {}; leave one out", what,
                why);
  };
  if (!options.problem.quantiles.empty())
    refuse("--quantiles", "one forest of a row's mean can not learn several quantiles");
  if (options.constraints.interpretable) refuse("--interpretable", "it has no blend to learn from");
  if (!options.constraints.ensemble) refuse("--no-ensemble", "it has no blend to learn from");
}

const Stage& distillation_stage(const std::vector<std::unique_ptr<Stage>>& stages,
                                const std::vector<TrialResult>& results) {
  for (std::size_t rung = stages.size(); rung-- > 0;)
    if (best_booster(results, rung)) return *stages[rung];
  return *stages.back();
}

Teacher::Teacher(Blend blend, const std::vector<TrialResult>& results,
                 const std::vector<std::unique_ptr<Stage>>& stages, const RunStore& run_store,
                 const Context& context)
    : blend_(std::move(blend)), n_outputs_(stages.front()->y.n_outputs()) {
  for (std::size_t i = 0; i < blend_.trials.size(); ++i) {
    const TrialResult& trial = results[blend_.trials[i]];
    voices_.push_back(
        {blend_.weights[i], stages[trial.rung]->store->shared_recipe(trial.candidate.view, context), {}});
    for (const artifact::Node& node : run_store.pipelines(trial))
      voices_.back().pipelines.push_back(pipeline::Pipeline::load(node));
    seconds_per_row_ +=
        1e-6 * trial.predict_us_per_row / static_cast<double>(voices_.back().pipelines.size());
  }
}

std::vector<double> Teacher::predict(const data::Frame& base_rows, std::size_t fold,
                                     const Context& context) const {
  std::map<const transform::Recipe*, data::Frame> made;
  std::vector<double> out(base_rows.n_rows() * n_outputs_), part(out.size());
  for (const Voice& voice : voices_) {
    const auto [at, is_new] = made.try_emplace(voice.view.get());
    if (is_new) at->second = voice.view->transform(base_rows, context);
    voice.pipelines[fold].predict(at->second, part, context);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] += voice.weight * part[i];
  }
  return out;
}

std::optional<DistilledForest> distill(const Stage& stage, const Teacher& teacher,
                                       const std::vector<TrialResult>& results, const metric::Metric& metric,
                                       const DistillationLimits& limits, const Context& context,
                                       const std::function<void(std::string)>& why) try {
  const TrialResult* booster = best_booster(results, stage.rung);
  if (!booster) {
    why("the blend was not distilled: no LightGBM or XGBoost was fitted");
    return {};
  }
  const auto n_cells = n_copies(stage) * static_cast<double>(stage.base.n_rows() * stage.base.n_columns());
  const std::size_t need = expected_bytes(booster->candidate, static_cast<std::size_t>(n_cells));
  if (need > limits.memory_bytes) {
    why("the blend was not distilled: its forest needs more memory than there is; give a larger "
        "--memory-limit");
    return {};
  }
  // Folds run side by side where there is room for all of them.
  const bool has_room = need <= limits.memory_bytes / context.n_threads;
  const bool is_alone = stage.splits.size() == 1;
  const std::size_t n_threads_per_fit = has_room && !is_alone ? limits.n_threads_per_fit : context.n_threads;

  const Context seeded = context.with_seed(derive_seed(context.seed, {"distillation"}));
  const Lessons lessons = prepare_lessons(stage, teacher, seeded);
  TrialResult student = best_student(*booster, stage, lessons, metric, n_threads_per_fit, seeded);
  FoldResult whole = fit_on_all_rows(student, stage, lessons.all, seeded);
  if (whole.cut_short) throw Error(ErrorCode::kBudget, "the fit on all rows was cut short");
  student.predict_us_per_row = 1e6 * whole.predict_s;
  artifact::ContainerWriter writer;
  writer.add_node("forest", whole.pipeline);
  student.size_bytes = writer.n_bytes();
  for (const TrialResult& result : results) student.number = std::max(student.number, result.number + 1);

  Context calm = context;
  calm.deadline = Deadline();
  Blend blend = choose_blend({student}, *stage.valid, metric, {.care = BlendCare::kFinal}, calm);
  const Blend& taught = teacher.blend();
  blend.distillation = Distillation{.n_members = taught.trials.size(),
                                    .blend_score = taught.score,
                                    .forest_score = blend.score,
                                    .cost = metric.utility(taught.score) - metric.utility(blend.score),
                                    .blend_loss = taught.loss,
                                    .forest_loss = blend.loss};
  if (taught.trials.size() > 1) blend.teacher = teacher_row(results, taught, metric);
  return DistilledForest{std::move(student), std::move(blend), std::move(whole.pipeline)};
} catch (const Error& error) {
  if (error.code() != ErrorCode::kBudget) throw;
  why(kTimeWasOver);
  return {};
}

std::string describe(const Distillation& d, const std::string& metric) {
  return fmt::format(
      "distilled: {} {:.6g} of the forest, {:.6g} of the blend of {} that it learned from; "
      "it costs {:.3g}",
      metric, d.forest_score, d.blend_score, d.n_members, d.cost);
}

}  // namespace kolosal::automl
