#include <algorithm>
#include <numeric>
#include <utility>

#include "kolosal/core/read_ahead.hpp"
#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/recipe.hpp"
#include "kolosal/transform/recipe_internal.hpp"

namespace kolosal::transform {
namespace {

bool share_a_type(const std::string& types, const std::string& others) {
  for (int t = 0; t <= static_cast<int>(data::ColumnType::kSparse); ++t) {
    const auto type = static_cast<data::ColumnType>(t);
    if (type_in_list(types, type) && type_in_list(others, type)) return true;
  }
  return false;
}

// The fit of a recipe in passes. A header is a frame with the columns and types of the batches and no rows.
class StreamFit {
 public:
  StreamFit(const std::vector<StepSpec>& specs, std::size_t max_features, const Context& context)
      : max_features_(max_features), context_(context) {
    for (const auto& spec : specs) {
      steps_.push_back({&spec, nullptr, {}, State::kWaiting});
      const auto step = spec.make();
      if (!step->can_stream())
        throw Error(ErrorCode::kUnsupported,
                    "step {} can not be fitted batch by batch, because {}: fit the recipe on a table in "
                    "memory (a sample of the rows, if need be), or leave the step out",
                    spec.name, step->stream_obstacle());
    }
  }

  // With whole_pass, all batches of the first pass are read even when no step needs them.
  std::size_t run(const BatchSource& source, bool whole_pass) {
    std::unique_ptr<BatchStream> stream = source();
    std::optional<Batch> batch = stream->next();
    if (!batch) throw Error(ErrorCode::kData, "there is no batch of rows to fit the recipe on");
    const data::Frame header = batch->x.slice(0, 0);
    std::size_t n_passes = 0;
    while (plan(header) || (whole_pass && n_passes == 0)) {
      if (n_passes > 0) stream = source();
      // The first batch of the first pass is there already.
      const auto read = [&] { return batch ? std::exchange(batch, std::nullopt) : stream->next(); };
      read_ahead(context_, read, [&](const Batch& given) { gather(given); });
      finish();
      ++n_passes;
    }
    check(header);
    return n_passes;
  }

  std::vector<std::shared_ptr<const Transformer>> take_steps() {
    std::vector<std::shared_ptr<const Transformer>> out;
    for (auto& step : steps_) out.push_back(std::move(step.transformer));
    return out;
  }

 private:
  enum class State { kWaiting, kGathering, kFitted, kSkipped };
  struct Step {
    const StepSpec* spec = nullptr;
    std::unique_ptr<Transformer> transformer;
    std::vector<std::string> columns;
    State state = State::kWaiting;
    bool unfinished() const { return state == State::kWaiting || state == State::kGathering; }
  };

  static void leave_out(data::Frame& frame, const Step& step) {
    if (!step.spec->select.keep) frame = frame.without(step.columns);
  }

  // Whether step i takes nothing that an unfinished step before it may make or take.
  bool is_ready(std::size_t i, const data::Frame& frame) const {
    const Selector& select = steps_[i].spec->select;
    const bool first = std::ranges::none_of(steps_.begin(), steps_.begin() + static_cast<std::ptrdiff_t>(i),
                                            &Step::unfinished);
    if (first) return true;
    for (const auto& name : select.names)
      if (!frame.find(name)) return false;
    const auto columns = select.resolve(frame);
    for (std::size_t j = 0; j < i; ++j) {
      if (!steps_[j].unfinished()) continue;
      const StepSpec& before = *steps_[j].spec;
      const auto made =
          steps_[j].transformer ? steps_[j].transformer->made_types() : before.make()->made_types();
      if (select.names.empty() && share_a_type(select.types, made)) return false;
      if (steps_[j].state == State::kGathering) continue;  // its columns are left out of the frame
      for (const auto& name : columns) {
        const bool taken = before.select.names.empty()
                               ? type_in_list(before.select.types, frame.column(name).type())
                               : std::ranges::find(before.select.names, name) != before.select.names.end();
        if (taken) return false;
      }
    }
    return true;
  }

  // Says which steps gather in the next pass; false when all are fitted.
  bool plan(const data::Frame& header) {
    data::Frame frame = header;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      Step& step = steps_[i];
      in_step(step.spec->name, [&] {
        if (step.state == State::kWaiting && is_ready(i, frame)) begin(step, frame);
        if (step.state == State::kFitted) frame = step.transformer->transform(frame, context_);
        if (step.state == State::kGathering) leave_out(frame, step);
      });
    }
    return std::ranges::any_of(steps_, &Step::unfinished);
  }

  void begin(Step& step, const data::Frame& frame) {
    step.columns = step.spec->select.resolve(frame);
    if (step.columns.empty()) {
      step.state = State::kSkipped;
      return;
    }
    step.transformer = make_step(*step.spec, frame, step.columns, max_features_);
    step.state = State::kGathering;
    if (!step.transformer->is_stateless()) {
      step.transformer->partial_fit(frame, {}, step.columns, context_);  // no rows: only what it takes
      return;
    }
    step.transformer->fit(frame, {}, {}, step.columns, context_);
    step.state = State::kFitted;
  }

  void gather(const Batch& batch) {
    if (context_.should_stop())
      throw Error(ErrorCode::kInterrupted, "stopped while a recipe was fitted batch by batch");
    data::Frame frame = batch.x;
    const auto last = std::ranges::find(steps_.rbegin(), steps_.rend(), State::kGathering, &Step::state)
                          .base();  // begin: none
    for (auto step = steps_.begin(); step != last; ++step)
      in_step(step->spec->name, [&] {
        if (step->state == State::kFitted) frame = step->transformer->transform(frame, context_);
        if (step->state != State::kGathering) return;
        step->transformer->partial_fit(frame, batch.y, step->columns, context_);
        leave_out(frame, *step);
      });
  }

  void finish() {
    for (Step& step : steps_)
      if (step.state == State::kGathering) {
        in_step(step.spec->name, [&] { step.transformer->finish_fit(context_); });
        step.state = State::kFitted;
      }
  }

  // A column that a step makes gets another name when its own is taken. With steps that were fitted in the
  // order of passes that could, in a contrived table, exchange two columns.
  void check(const data::Frame& header) const {
    data::Frame frame = header;
    for (const Step& step : steps_) {
      if (step.state == State::kSkipped) continue;
      if (step.spec->select.resolve(frame) != step.columns)
        throw Error(ErrorCode::kInvalidParameter,
                    "step {} takes columns whose names are made twice; give it its columns by name",
                    step.spec->name);
      frame = step.transformer->transform(frame, context_);
    }
  }

  std::vector<Step> steps_;
  std::size_t max_features_;
  const Context& context_;
};

// A pass whose batches a drift monitor sees, too.
class WatchedStream final : public BatchStream {
 public:
  WatchedStream(std::unique_ptr<BatchStream> inner, DriftMonitor& monitor, const Context& context)
      : inner_(std::move(inner)), monitor_(monitor), context_(context) {}

  std::optional<Batch> next() override {
    auto out = inner_->next();
    if (!out) return out;
    std::vector<std::uint32_t> rows(out->x.n_rows());
    std::iota(rows.begin(), rows.end(), 0U);
    monitor_.gather(out->x, rows, context_);
    return out;
  }

 private:
  std::unique_ptr<BatchStream> inner_;
  DriftMonitor& monitor_;
  const Context& context_;
};

}  // namespace

std::size_t Recipe::fit_stream(const BatchSource& source, const Context& context) {
  fitted_ = false;
  fitted_steps_.clear();
  StreamFit fit(specs_, max_features_, context);
  drift_ = nullptr;
  auto monitor = watch_drift_ ? std::make_shared<DriftMonitor>() : nullptr;
  bool is_first = true;
  const std::size_t n_passes = fit.run(
      [&]() -> std::unique_ptr<BatchStream> {
        auto stream = source();
        if (monitor && std::exchange(is_first, false))
          stream = std::make_unique<WatchedStream>(std::move(stream), *monitor, context);
        return stream;
      },
      monitor != nullptr);
  if (monitor) monitor->finish();
  drift_ = std::move(monitor);
  fitted_steps_ = fit.take_steps();
  fitted_ = true;
  return n_passes;
}

}  // namespace kolosal::transform
