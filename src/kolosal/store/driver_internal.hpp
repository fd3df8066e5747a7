#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kolosal::store {

/// A compiled statement of one driver; see Statement.
class Cursor {
 public:
  virtual ~Cursor() = default;
  /// Forgets values and rows.
  virtual void restart() = 0;
  virtual void bind_null(int index) = 0;
  virtual void bind_integer(int index, std::int64_t value) = 0;
  virtual void bind_real(int index, double value) = 0;
  virtual void bind_text(int index, std::string_view value) = 0;
  virtual void bind_blob(int index, std::span<const std::byte> value) = 0;
  virtual bool next() = 0;
  virtual std::int64_t integer(int column) const = 0;
  virtual double real(int column) const = 0;
  virtual std::string text(int column) const = 0;
  virtual std::vector<std::byte> blob(int column) const = 0;
  virtual bool is_null(int column) const = 0;
};

/// One connection, and the few things that SQLite and PostgreSQL say in different words. Question marks stand
/// for values in both. Errors: Error kIo with name() and the reason.
class Connection {
 public:
  virtual ~Connection() = default;
  /// The file, or the address without its password.
  virtual const std::string& name() const = 0;
  virtual std::unique_ptr<Cursor> prepare(std::string_view sql) = 0;
  virtual void execute_script(const std::string& sql) = 0;
  virtual const char* begin_sql() const = 0;
  virtual bool is_in_transaction() const = 0;
  virtual bool has_table(std::string_view table) = 0;
  /// Within the transaction of a migration, first of all: keeps others from migrating at the same moment.
  virtual void begin_migration() = 0;
};

}  // namespace kolosal::store
