#pragma once

#include <cstdint>
#include <filesystem>
#include <future>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/artifact/container.hpp"
#include "kolosal/core/context.hpp"
#include "kolosal/infer/serving/session_model.hpp"

namespace kolosal::infer {

/// What one level of a ModelCache may hold.
struct CacheLevelLimits {
  std::size_t max_models = std::numeric_limits<std::size_t>::max();
  std::size_t max_bytes = std::numeric_limits<std::size_t>::max();
  double ttl_s = std::numeric_limits<double>::infinity();  ///< Seconds without use after which a model goes.
};

struct ModelCacheOptions {
  CacheLevelLimits compiled = {.max_models = 64, .max_bytes = std::size_t{4} << 30};
  CacheLevelLimits mapped = {.max_models = 256};
  const Clock* clock = &Clock::system();  ///< Outlives the cache.
};

/// What has happened at a level since the cache was made, and what it holds.
struct CacheLevelCounters {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t evictions = 0;    ///< Given up for room.
  std::uint64_t expirations = 0;  ///< Given up for age.
  std::size_t models = 0;
  std::size_t bytes = 0;
};

struct ModelCacheCounters {
  CacheLevelCounters
      compiled;               ///< misses: the model was made, from a mapped file or one that was mapped first
  CacheLevelCounters mapped;  ///< misses: the file was opened
  std::uint64_t n_joined = 0;  ///< asked while another thread made the same model, and waited for it
  std::uint64_t n_failed = 0;  ///< the file could not be used
  std::size_t n_known = 0;     ///< versions that have a file
};

/// Models by name and version, ready to predict when they are asked for.
///
/// Levels: a version is known (a path), mapped (its file is checked and mapped: pages that the system may
/// take back), or compiled (read, and laid out for serving). It is compiled when it is asked for the first
/// time; each level gives up those that were not used for longest (LRU), when there are too many or too many
/// bytes, and those that were not used for ttl_s. What was given up is made again from the level below.
/// Pinned versions stay compiled. The one asked for last is kept, whatever its size.
///
/// Versions: set_current() compiles a version and then makes it the one that get(name) gives. Calls that hold
/// another one end with it; none waits and none is dropped.
///
/// Units:   bytes of a mapped model are those of its file; of a compiled one an estimate: its file read into
///          memory, and 40 bytes for each node of its trees.
/// Threads: all members may be called from many threads. Threads that ask for the same version while it is
/// made
///          wait for it; those that ask for another do not.
/// Errors:  of the functions that make a model: those of Session::open(). All threads that wait get the
/// error,
///          nothing is kept, and the next call tries again.
class ModelCache {
 public:
  using Pointer = std::shared_ptr<const SessionModel>;

  explicit ModelCache(ModelCacheOptions options = {}) : options_(options) {}
  ModelCache(const ModelCache&) = delete;
  ModelCache& operator=(const ModelCache&) = delete;

  /// Tells where a version is; nothing is opened. The first version of a name is its current one. A version
  /// that is added again is read from the new file from then on.
  void add(const std::string& name, const std::string& version, std::filesystem::path path);
  /// Forgets a version, pinned or not; calls that hold it are not disturbed. False: it is not known.
  /// @throws Error kInvalidParameter when it is the current one and others are left: make one of them current
  /// first.
  bool remove(const std::string& name, const std::string& version);

  /// The current version of a name. @throws Error kNotFound for an unknown name.
  Pointer get(const std::string& name) { return get(name, ""); }
  /// "" is the current version. @throws Error kNotFound with the versions there are.
  Pointer get(const std::string& name, const std::string& version);
  /// @throws Error kNotFound; when the version can not be opened the current one stays.
  void set_current(const std::string& name, const std::string& version);
  /// @throws Error kNotFound for an unknown name.
  std::string current(const std::string& name) const;

  /// Compiles a version and keeps it so until unpin(). @throws Error kNotFound.
  void pin(const std::string& name, const std::string& version);
  void unpin(const std::string& name, const std::string& version);

  /// Gives up what was not used for ttl_s. Every call does so too; a program without calls has this.
  void expire();
  ModelCacheCounters counters() const;

 private:
  struct Entry {
    std::filesystem::path path;
    std::uint64_t id = 0;  // another one when the version is added again
    std::shared_ptr<const artifact::Container> mapped;
    Pointer compiled;
    std::size_t compiled_bytes = 0;
    std::optional<std::shared_future<Pointer>> making;
    bool is_pinned = false;
    std::uint64_t last_tick = 0;
    double last_use_s = 0;
  };
  struct Named {
    std::string current;
    std::map<std::string, Entry> versions;
  };
  /// What was given up, to be destroyed after the lock is given back.
  using Gone = std::vector<std::shared_ptr<const void>>;

  Entry& find(const std::string& name, const std::string& version);
  Pointer make(const std::string& name, const std::string& version, Entry& entry,
               std::unique_lock<std::mutex>& lock);
  void touch(Entry& entry);
  void drop_compiled(Entry& entry, Gone& gone);
  void drop_mapped(Entry& entry, Gone& gone);
  void drop_expired(double now_s, Gone& gone);
  void make_room(const Entry* kept, Gone& gone);
  Entry* least_recent(bool compiled, const Entry* kept);

  ModelCacheOptions options_;
  mutable std::mutex mutex_;
  std::map<std::string, Named> names_;
  ModelCacheCounters counters_;
  std::uint64_t tick_ = 0;
  std::uint64_t next_id_ = 0;
};

}  // namespace kolosal::infer
