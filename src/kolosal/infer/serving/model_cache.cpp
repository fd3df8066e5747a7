#include "kolosal/infer/serving/model_cache.hpp"

#include <algorithm>
#include <utility>

#include "kolosal/core/error.hpp"
#include "kolosal/infer/importers/imported_model.hpp"

namespace kolosal::infer {
namespace {

constexpr std::size_t kBytesPerNode = 40;  // of PackedForest

std::size_t bytes_of(const SessionModel& model, const artifact::Container* mapped,
                     const std::filesystem::path& path) {
  std::error_code gone;  // what was read of it is there all the same
  std::size_t out = mapped ? mapped->file_bytes() : std::filesystem::file_size(path, gone);
  if (gone) out = 0;
  for (const pipeline::Member& member : model.session().model().members)
    for (const pipeline::Pipeline& pipeline : member.pipelines)
      if (const model::Forest* const trees = pipeline.estimator().trees())
        out += kBytesPerNode * trees->feature.size();
  return out;
}

}  // namespace

// ---- names and versions ---------------------------------------------------------------------------------

void ModelCache::add(const std::string& name, const std::string& version, std::filesystem::path path) {
  if (name.empty() || version.empty())
    throw Error(ErrorCode::kInvalidParameter, "a model has a name and a version, not \"{}\" and \"{}\"", name,
                version);
  Gone gone;
  const std::lock_guard lock(mutex_);
  Named& named = names_[name];
  if (named.versions.empty()) named.current = version;
  const auto [at, is_new] = named.versions.try_emplace(version);
  Entry& entry = at->second;
  if (is_new) ++counters_.n_known;
  drop_compiled(entry, gone);
  drop_mapped(entry, gone);
  entry.path = std::move(path);
  entry.id = ++next_id_;
  entry.making.reset();  // what is made from the old file is for those who have asked for it
}

bool ModelCache::remove(const std::string& name, const std::string& version) {
  Gone gone;
  const std::lock_guard lock(mutex_);
  const auto named = names_.find(name);
  if (named == names_.end()) return false;
  const auto at = named->second.versions.find(version);
  if (at == named->second.versions.end()) return false;
  if (named->second.current == version && named->second.versions.size() > 1)
    throw Error(ErrorCode::kInvalidParameter,
                "version {} of \"{}\" is the current one; make another one current before it is removed",
                version, name);
  drop_compiled(at->second, gone);
  drop_mapped(at->second, gone);
  named->second.versions.erase(at);
  --counters_.n_known;
  if (named->second.versions.empty()) names_.erase(named);
  return true;
}

/// "" is the current version. Under the lock.
ModelCache::Entry& ModelCache::find(const std::string& name, const std::string& version) {
  const auto named = names_.find(name);
  if (named == names_.end()) {
    std::string known;
    for (const auto& [other, ignored] : names_) known += (known.empty() ? "" : ", ") + other;
    throw Error(ErrorCode::kNotFound, "there is no model \"{}\"; there is {}", name,
                known.empty() ? "none" : known);
  }
  auto& versions = named->second.versions;
  const auto at = versions.find(version.empty() ? named->second.current : version);
  if (at != versions.end()) return at->second;
  std::string known;
  for (const auto& [other, ignored] : versions) known += (known.empty() ? "" : ", ") + other;
  throw Error(ErrorCode::kNotFound, "\"{}\" has no version {}; it has {}", name, version, known);
}

std::string ModelCache::current(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto named = names_.find(name);
  if (named == names_.end()) throw Error(ErrorCode::kNotFound, "there is no model \"{}\"", name);
  return named->second.current;
}

void ModelCache::set_current(const std::string& name, const std::string& version) {
  const Pointer ready = get(name, version);
  const std::lock_guard lock(mutex_);
  find(name, version);  // it may have been removed meanwhile
  if (!version.empty()) names_.at(name).current = version;
}

void ModelCache::pin(const std::string& name, const std::string& version) {
  {
    const std::lock_guard lock(mutex_);
    find(name, version).is_pinned = true;
  }
  try {
    get(name, version);
  } catch (...) {
    unpin(name, version);
    throw;
  }
}

void ModelCache::unpin(const std::string& name, const std::string& version) {
  Gone gone;
  const std::lock_guard lock(mutex_);
  const auto named = names_.find(name);
  if (named == names_.end()) return;
  const auto at = named->second.versions.find(version.empty() ? named->second.current : version);
  if (at == named->second.versions.end()) return;
  at->second.is_pinned = false;
  make_room(nullptr, gone);
}

// ---- models ---------------------------------------------------------------------------------------------

ModelCache::Pointer ModelCache::get(const std::string& name, const std::string& version) {
  Gone gone;
  std::unique_lock lock(mutex_);
  drop_expired(options_.clock->now_s(), gone);
  Entry& entry = find(name, version);
  touch(entry);
  if (entry.compiled) {
    ++counters_.compiled.hits;
    return entry.compiled;
  }
  if (entry.making) {
    ++counters_.n_joined;
    const std::shared_future<Pointer> future = *entry.making;
    lock.unlock();
    return future.get();
  }
  // The current version may be another one when the model is made.
  const std::string made = version.empty() ? names_.at(name).current : version;
  return make(name, made, entry, lock);
}

/// Makes the model without the lock, which is given back.
ModelCache::Pointer ModelCache::make(const std::string& name, const std::string& version, Entry& entry,
                                     std::unique_lock<std::mutex>& lock) {
  std::promise<Pointer> promise;
  entry.making = promise.get_future().share();
  const std::uint64_t id = entry.id;
  const std::filesystem::path path = entry.path;
  std::shared_ptr<const artifact::Container> mapped = entry.mapped;
  ++counters_.compiled.misses;
  ++(mapped ? counters_.mapped.hits : counters_.mapped.misses);
  lock.unlock();

  Gone gone;
  /// The version as it was, unless it was removed or added again.
  const auto same_entry = [&]() -> Entry* {
    const auto named = names_.find(name);
    if (named == names_.end()) return nullptr;
    const auto at = named->second.versions.find(version);
    return at != named->second.versions.end() && at->second.id == id ? &at->second : nullptr;
  };
  try {
    // Files of other programs are read, and not kept mapped.
    if (!mapped && !foreign_format(path))
      mapped = std::make_shared<const artifact::Container>(artifact::Container::open(path));
    const Pointer out = std::make_shared<const SessionModel>(Session::open(mapped, path));
    const std::size_t n_bytes = bytes_of(*out, mapped.get(), path);
    const std::lock_guard again(mutex_);
    if (Entry* const kept = same_entry()) {
      kept->making.reset();
      if (mapped && !kept->mapped) {
        kept->mapped = std::move(mapped);
        ++counters_.mapped.models;
        counters_.mapped.bytes += kept->mapped->file_bytes();
      }
      kept->compiled = out;
      kept->compiled_bytes = n_bytes;
      ++counters_.compiled.models;
      counters_.compiled.bytes += kept->compiled_bytes;
      make_room(kept, gone);
    }
    promise.set_value(out);
    return out;
  } catch (...) {
    const std::lock_guard again(mutex_);
    ++counters_.n_failed;
    if (Entry* const kept = same_entry()) kept->making.reset();
    promise.set_exception(std::current_exception());
    throw;
  }
}

void ModelCache::touch(Entry& entry) {
  entry.last_tick = ++tick_;
  entry.last_use_s = options_.clock->now_s();
}

// ---- room -----------------------------------------------------------------------------------------------

void ModelCache::drop_compiled(Entry& entry, Gone& gone) {
  if (!entry.compiled) return;
  gone.push_back(std::exchange(entry.compiled, nullptr));
  --counters_.compiled.models;
  counters_.compiled.bytes -= entry.compiled_bytes;
}

void ModelCache::drop_mapped(Entry& entry, Gone& gone) {
  if (!entry.mapped) return;
  --counters_.mapped.models;
  counters_.mapped.bytes -= entry.mapped->file_bytes();
  gone.push_back(std::exchange(entry.mapped, nullptr));
}

void ModelCache::expire() {
  Gone gone;
  const std::lock_guard lock(mutex_);
  drop_expired(options_.clock->now_s(), gone);
}

void ModelCache::drop_expired(double now_s, Gone& gone) {
  const auto is_over = [](double ttl_s, double age_s) { return age_s >= ttl_s; };
  constexpr double kNever = std::numeric_limits<double>::infinity();
  if (options_.compiled.ttl_s == kNever && options_.mapped.ttl_s == kNever) return;
  for (auto& [name, named] : names_)
    for (auto& [version, entry] : named.versions) {
      const double age_s = now_s - entry.last_use_s;
      if (entry.is_pinned) continue;
      if (entry.compiled && is_over(options_.compiled.ttl_s, age_s)) {
        drop_compiled(entry, gone);
        ++counters_.compiled.expirations;
      }
      if (entry.mapped && !entry.compiled && is_over(options_.mapped.ttl_s, age_s)) {
        drop_mapped(entry, gone);
        ++counters_.mapped.expirations;
      }
    }
}

/// Of those that may go. A file stays mapped while its model is compiled: the model holds it.
ModelCache::Entry* ModelCache::least_recent(bool compiled, const Entry* kept) {
  Entry* out = nullptr;
  for (auto& [name, named] : names_)
    for (auto& [version, entry] : named.versions) {
      if (entry.is_pinned || &entry == kept) continue;
      if (compiled ? !entry.compiled : !entry.mapped || entry.compiled) continue;
      if (!out || entry.last_tick < out->last_tick) out = &entry;
    }
  return out;
}

void ModelCache::make_room(const Entry* kept, Gone& gone) {
  const auto is_over = [](const CacheLevelCounters& held, const CacheLevelLimits& limits) {
    return held.models > limits.max_models || held.bytes > limits.max_bytes;
  };
  while (is_over(counters_.compiled, options_.compiled)) {
    Entry* const entry = least_recent(true, kept);
    if (!entry) break;
    drop_compiled(*entry, gone);
    ++counters_.compiled.evictions;
  }
  while (is_over(counters_.mapped, options_.mapped)) {
    Entry* entry = least_recent(false, kept);
    if (!entry && (entry = least_recent(true, kept))) {
      drop_compiled(*entry, gone);
      ++counters_.compiled.evictions;
    }
    if (!entry) break;
    drop_mapped(*entry, gone);
    ++counters_.mapped.evictions;
  }
}

ModelCacheCounters ModelCache::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

}  // namespace kolosal::infer
