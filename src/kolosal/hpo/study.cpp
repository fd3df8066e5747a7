#include "kolosal/hpo/study.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "kolosal/core/error.hpp"

namespace kolosal::hpo {
namespace {

constexpr std::pair<TrialState, std::string_view> kStates[] = {{TrialState::kRunning, "running"},
                                                               {TrialState::kComplete, "complete"},
                                                               {TrialState::kPruned, "pruned"},
                                                               {TrialState::kFailed, "failed"}};

}  // namespace

std::string_view state_name(TrialState state) {
  for (const auto& [known, name] : kStates)
    if (known == state) return name;
  KOLOSAL_ASSERT(false, "all states have a name");
}

TrialState state_from_name(std::string_view name) {
  for (const auto& [state, known] : kStates)
    if (known == name) return state;
  throw Error(ErrorCode::kData, "unknown state of a trial: \"{}\"", name);
}

Study::Study(SearchSpace space, StudyOptions options, std::unique_ptr<StudyStorage> storage)
    : space_(std::move(space)),
      options_(std::move(options)),
      sampler_(make_sampler(options_.sampler, options_.seed)),
      storage_(std::move(storage)) {
  if (!storage_) return;
  const char* direction = options_.direction == Direction::kMinimize ? "minimize" : "maximize";
  trials_ = storage_->open(fmt::format("{} sampler={} seed={} space={}", direction, options_.sampler,
                                       options_.seed, space_.describe()));
  for (std::size_t i = trials_.size(); i-- > 0;) {
    KOLOSAL_ASSERT(trials_[i].number == i, "a storage gives all trials, by number");
    if (trials_[i].state != TrialState::kRunning) continue;
    trials_[i].intermediate.clear();
    lost_.push_back(i);
  }
}

std::optional<Trial> Study::ask() {
  const std::lock_guard lock(mutex_);
  if (!lost_.empty()) {
    const std::size_t number = lost_.back();
    lost_.pop_back();
    return trials_[number];
  }
  std::optional<ParamMap> params;
  if (options_.direction == Direction::kMinimize) {
    params = sampler_->sample(space_, trials_.size(), trials_);
  } else {
    std::vector<Trial> as_losses = trials_;
    for (Trial& trial : as_losses) {
      if (trial.value) trial.value = -*trial.value;
      for (auto& [step, value] : trial.intermediate) value = -value;
    }
    params = sampler_->sample(space_, trials_.size(), as_losses);
  }
  if (!params) return {};
  return start(std::move(*params));
}

Trial Study::ask_with(const ParamMap& params) {
  space_.check(params);
  const std::lock_guard lock(mutex_);
  return start(params);
}

Trial Study::start(ParamMap params) {
  Trial trial;
  trial.number = trials_.size();
  trial.params = std::move(params);
  if (storage_) storage_->add(trial);
  return trials_.emplace_back(std::move(trial));
}

Trial& Study::running(std::size_t number) {
  if (number >= trials_.size())
    throw Error(ErrorCode::kInvalidParameter, "the study has no trial {}", number);
  if (trials_[number].state != TrialState::kRunning)
    throw Error(ErrorCode::kInvalidParameter, "trial {} has ended already: {}", number,
                state_name(trials_[number].state));
  return trials_[number];
}

void Study::report(std::size_t number, std::int64_t step, double value) {
  const std::lock_guard lock(mutex_);
  running(number).intermediate[step] = value;
  if (storage_) storage_->add_intermediate(number, step, value);
}

void Study::end(Trial& trial, TrialState state, std::optional<double> value, std::string note) {
  Trial ended = trial;
  ended.state = state;
  ended.value = value;
  ended.note = std::move(note);
  if (storage_) storage_->update(ended);  // first: when it throws, the trial is running still
  trial = std::move(ended);
}

void Study::tell(std::size_t number, double value) {
  const std::lock_guard lock(mutex_);
  Trial& trial = running(number);
  if (std::isfinite(value))
    end(trial, TrialState::kComplete, value, {});
  else
    end(trial, TrialState::kFailed, {}, fmt::format("the value is not a finite number: {}", value));
}

void Study::tell_pruned(std::size_t number, const std::string& note) {
  const std::lock_guard lock(mutex_);
  Trial& trial = running(number);
  std::optional<double> last;
  if (!trial.intermediate.empty()) last = trial.intermediate.rbegin()->second;
  end(trial, TrialState::kPruned, last, note);
}

void Study::tell_failed(std::size_t number, const std::string& note) {
  const std::lock_guard lock(mutex_);
  end(running(number), TrialState::kFailed, {}, note);
}

std::vector<Trial> Study::trials() const {
  const std::lock_guard lock(mutex_);
  return trials_;
}

std::size_t Study::n_ended() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::ranges::count_if(trials_, [](const Trial& trial) { return trial.state != TrialState::kRunning; }));
}

std::optional<Trial> Study::best() const {
  const std::lock_guard lock(mutex_);
  const Trial* best = nullptr;
  for (const Trial& trial : trials_)
    if (trial.state == TrialState::kComplete && (!best || is_better(*trial.value, *best->value)))
      best = &trial;
  return best ? std::optional(*best) : std::nullopt;
}

}  // namespace kolosal::hpo
