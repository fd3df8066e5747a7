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
#include <variant>
#include <vector>

#include "kolosal/store/server_url.hpp"

namespace kolosal::store {

class Connection;
class Cursor;

/// A value of a row; nothing is NULL.
using Value = std::variant<std::monostate, std::int64_t, double, std::string>;

/// A compiled SQL statement with values in place of its question marks. Lives no longer than its database.
///
/// Errors: all members throw Error kIo with the file or the server and the reason.
class Statement {
 public:
  Statement(Statement&&) noexcept;
  Statement& operator=(Statement&&) noexcept;
  ~Statement();

  /// Sets the values of the question marks, in order, and starts anew. A number, text, bytes, std::optional
  /// (empty: NULL).
  template <typename... Values>
  Statement& bind(const Values&... values) {
    restart();
    int index = 0;
    (bind_value(++index, values), ...);
    return *this;
  }
  /// The same for values that are not known before the program runs.
  Statement& bind_all(std::span<const Value> values);

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
  explicit Statement(std::unique_ptr<Cursor> cursor);

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

  std::unique_ptr<Cursor> cursor_;
};

/// One connection to a SQLite file (write-ahead log, foreign keys on, waits up to five seconds for another
/// process) or to a PostgreSQL server (the tables are in a schema of their own, "kolosal").
///
/// SQL that both take: question marks for values; TEXT, BIGINT and DOUBLE PRECISION; INSERT ... ON CONFLICT.
/// NaN is stored as NULL. A server stores text with U+FFFD for each byte that is not UTF-8 or is zero.
/// Durable: what a transaction has written survives the death of the process at any moment (kill -9).
/// Threads: one at a time; the owner has the lock.
/// Errors: Error kIo with the file and the reason (damaged, no database, disk full, locked, not writable), or
/// with the server and its words. After a server has gone all calls fail: a new connection is needed.
class Database {
 public:
  enum class Mode { kCreate, kExisting };

  /// ":memory:" is a database without a file. @throws Error kNotFound for kExisting when there is no file.
  explicit Database(const std::filesystem::path& path, Mode mode = Mode::kCreate);
  /// timeout_s: the most that connecting, and each answer, may take; looking up the host's name is not
  /// counted. @throws Error kUnsupported when the client library is not installed, kIo.
  Database(const ServerUrl& server, double timeout_s);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Why servers can not be used on this machine, and what to install; "": they can.
  static const std::string& servers_unavailable();

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
  /// once in the life of the database, in one transaction. Components have versions of their own.
  /// @throws Error kUnsupported when the database was written by a newer version.
  void migrate(std::string_view component, std::span<const std::string_view> scripts);
  /// 0 when the component was never migrated.
  std::size_t schema_version(std::string_view component) const;

  /// The file, or the server's address without a password.
  const std::string& name() const;
  bool is_server() const { return is_server_; }

 private:
  std::unique_ptr<Connection> connection_;
  bool is_server_ = false;
  int depth_ = 0;  // of nested transactions
};

}  // namespace kolosal::store
