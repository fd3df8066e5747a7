#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kolosal::store {

/// A row of a result, valid until the next row.
class Row {
 public:
  std::int64_t integer(int column) const;
  double real(int column) const;  ///< NaN for NULL
  std::string text(int column) const;
  std::vector<std::byte> blob(int column) const;
  bool is_null(int column) const;

 private:
  friend class Database;
  explicit Row(void* statement) : statement_(statement) {}
  void* statement_;
};

/// A value bound to a ? of a statement. NaN is stored as NULL.
class Value {
 public:
  Value(std::int64_t v) : kind_(Kind::kInteger), integer_(v) {}
  Value(int v) : Value(static_cast<std::int64_t>(v)) {}
  Value(std::size_t v) : Value(static_cast<std::int64_t>(v)) {}
  Value(double v) : kind_(Kind::kReal), real_(v) {}
  Value(std::string_view v) : kind_(Kind::kText), text_(v) {}
  Value(const std::string& v) : Value(std::string_view(v)) {}
  Value(const char* v) : Value(std::string_view(v)) {}
  Value(std::span<const std::byte> v) : kind_(Kind::kBlob), blob_(v) {}

 private:
  friend class Database;
  enum class Kind { kInteger, kReal, kText, kBlob };
  Kind kind_;
  std::int64_t integer_ = 0;
  double real_ = 0;
  std::string_view text_;
  std::span<const std::byte> blob_;
};

/// A SQLite file, in WAL mode: readers and one writer do not wait for each other, and what was committed survives kill -9.
///
/// Threads: one Database may be used from several threads; calls are serialized.
/// Errors: kIo with the path, the statement and SQLite's reason; a damaged file says so.
class Database {
 public:
  /// Opens or creates. migrations[i] is SQL that brings schema version i to i + 1; those still missing are run in one
  /// transaction. @throws Error kIo; kModel when the file's version is newer than this program's.
  static Database open(const std::filesystem::path& path, std::span<const std::string_view> migrations);
  ~Database();
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;

  /// Runs one statement with its values; calls on_row for each row.
  void run(std::string_view sql, std::initializer_list<Value> values = {},
           const std::function<void(const Row&)>& on_row = {});
  /// The first column of the first row; empty without a row.
  std::optional<std::string> text(std::string_view sql, std::initializer_list<Value> values = {});
  std::optional<double> real(std::string_view sql, std::initializer_list<Value> values = {});

  /// All of `work` is stored, or nothing of it when it throws.
  void transaction(const std::function<void()>& work);

  const std::filesystem::path& path() const;

 private:
  struct Impl;
  explicit Database(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kolosal::store
