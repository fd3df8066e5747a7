#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace kolosal::store {

class Database;

/// A compiled SQL statement with values in place of its question marks. Lives no longer than its database.
///
/// Errors: all members throw Error kIo with the file and the reason.
class Statement {
 public:
  /// Sets the values of the question marks, in order, and starts anew. A number, text, bytes, std::optional
  /// (empty: NULL).
  template <typename... Values>
  Statement& bind(const Values&... values) {
    restart();
    int index = 0;
    (bind_value(++index, values), ...);
    return *this;
  }

  /// Goes to the next row; false after the last one.
  bool next();
  /// Runs to the end, for statements whose rows nobody wants.
  void run();

  /// Values of the current row; columns count from 0.
  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string text(int column) const;
  std::vector<std::byte> blob(int column) const;
  bool is_null(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  Statement(const Database& database, sqlite3_stmt* statement)
      : database_(&database), statement_(statement) {}

  void restart();
  void bind_null(int index);
  void bind_integer(int index, std::int64_t value);
  void bind_real(int index, double value);
  void bind_text(int index, std::string_view value);
  void bind_blob(int index, std::span<const std::byte> value);

  template <typename Value>
  void bind_value(int index, const Value& value) {
    if constexpr (std::integral<Value>)
      bind_integer(index, static_cast<std::int64_t>(value));
    else if constexpr (std::floating_point<Value>)
      bind_real(index, static_cast<double>(value));
    else if constexpr (std::convertible_to<const Value&, std::string_view>)
      bind_text(index, value);
    else
      bind_blob(index, value);
  }
  template <typename Value>
  void bind_value(int index, const std::optional<Value>& value) {
    if (value)
      bind_value(index, *value);
    else
      bind_null(index);
  }

  const Database* database_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// One connection to a SQLite file: write-ahead log, foreign keys on, waits up to five seconds for another
/// process.
///
/// Durable: what a transaction has written survives the death of the process at any moment (kill -9).
/// Threads: one at a time; the owner has the lock.
/// Errors: Error kIo with the file and the reason: damaged, no database, disk full, locked, not writable.
class Database {
 public:
  enum class Mode { kCreate, kExisting };

  /// ":memory:" is a database without a file. @throws Error kNotFound for kExisting when there is no file.
  explicit Database(const std::filesystem::path& path, Mode mode = Mode::kCreate);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Statement prepare(std::string_view sql) const;
  /// One statement that gives no rows.
  template <typename... Values>
  void run(std::string_view sql, const Values&... values) {
    prepare(sql).bind(values...).run();
  }
  /// Several statements without values: a schema.
  void execute_script(const std::string& sql);

  /// All that body writes is kept, or, when it throws, none of it. May be nested: the inner one is undone
  /// alone.
  void transaction(const std::function<void()>& body);

  /// Brings the tables of `component` up to date: script k leads from version k to k + 1. Each script runs
  /// once in the life of the file, in one transaction. Components of one file have versions of their own.
  /// @throws Error kUnsupported when the file was written by a newer version.
  void migrate(std::string_view component, std::span<const std::string_view> scripts);
  /// 0 when the component was never migrated.
  std::size_t schema_version(std::string_view component) const;

  std::int64_t last_insert_id() const;
  const std::string& path() const { return path_; }

 private:
  friend class Statement;
  struct Close {
    void operator()(sqlite3* database) const noexcept;
  };
  [[noreturn]] void fail(int code) const;
  void configure();

  std::string path_;
  std::unique_ptr<sqlite3, Close> database_;
  int depth_ = 0;  // of nested transactions
};

}  // namespace kolosal::store
