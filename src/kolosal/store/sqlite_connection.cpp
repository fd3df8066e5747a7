#include <sqlite3.h>

#include <cstring>

#include "kolosal/core/error.hpp"
#include "kolosal/store/sqlite_connection_internal.hpp"

namespace kolosal::store {
namespace {

/// What a user can do about it; the reason itself is SQLite's.
const char* advice(int code) {
  switch (code & 0xff) {
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      return "; the file is damaged or no database: restore a copy, or delete it and start anew";
    case SQLITE_FULL:
      return "; free space on the disk";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "; another process is writing to it";
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      return "; check that its folder exists and is writable";
    default:
      return "";
  }
}

class SqliteConnection final : public Connection {
 public:
  SqliteConnection(const std::filesystem::path& path, bool may_create) : path_(path.string()) {
    sqlite3* opened = nullptr;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX | SQLITE_OPEN_EXRESCODE |
                      (may_create ? SQLITE_OPEN_CREATE : 0);
    const int code = sqlite3_open_v2(path_.c_str(), &opened, flags, nullptr);
    database_.reset(opened);
    if (code != SQLITE_OK) fail(code);
    configure();
    // The file remembers it. One that is there keeps what it has: a copy that is only read is not written to.
    if (may_create) execute_script("PRAGMA journal_mode = WAL");
  }

  const std::string& name() const override { return path_; }
  std::unique_ptr<Cursor> prepare(std::string_view sql) override;

  void execute_script(const std::string& sql) override {
    const int code = sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) fail(code);
  }

  // A writer waits at the start, where waiting is possible, and not in the middle.
  const char* begin_sql() const override { return "BEGIN IMMEDIATE"; }
  bool is_in_transaction() const override { return !sqlite3_get_autocommit(database_.get()); }

  bool has_table(std::string_view table) override {
    const auto rows = prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?");
    rows->bind_text(1, table);
    return rows->next();
  }

  void begin_migration() override {}  // the transaction has the lock

  [[noreturn]] void fail(int code) const {
    const char* reason = database_ ? sqlite3_errmsg(database_.get()) : sqlite3_errstr(code);
    const int system_error = database_ ? sqlite3_system_errno(database_.get()) : 0;
    const bool has_cause =
        system_error != 0 && ((code & 0xff) == SQLITE_CANTOPEN || (code & 0xff) == SQLITE_IOERR);
    throw Error(ErrorCode::kIo, "database {}: {}{}{}", path_, reason,
                has_cause ? fmt::format(" ({})", std::strerror(system_error)) : std::string(), advice(code));
  }

 private:
  struct Close {
    void operator()(sqlite3* database) const noexcept { sqlite3_close_v2(database); }
  };

  void configure() {
    sqlite3_busy_timeout(database_.get(), 5000);
    // Reads every page once, so that damage is found now and not in the middle of a run. Run files are small.
    const auto check = prepare("PRAGMA quick_check(1)");
    if (!check->next() || check->text(0) != "ok")
      throw Error(ErrorCode::kIo, "database {}: {}{}", path_, check->text(0), advice(SQLITE_CORRUPT));
    while (check->next()) {
    }
    // NORMAL: the log is not synced at every commit. A commit survives the death of the process, not always a
    // power cut.
    execute_script("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;");
  }

  std::string path_;
  std::unique_ptr<sqlite3, Close> database_;
};

class SqliteCursor final : public Cursor {
 public:
  SqliteCursor(const SqliteConnection& connection, sqlite3_stmt* statement)
      : connection_(connection), statement_(statement) {}

  void restart() override {
    sqlite3_reset(statement_.get());
    sqlite3_clear_bindings(statement_.get());
  }

  void bind_null(int index) override { check(sqlite3_bind_null(statement_.get(), index)); }
  void bind_integer(int index, std::int64_t value) override {
    check(sqlite3_bind_int64(statement_.get(), index, value));
  }
  void bind_real(int index, double value) override {
    check(sqlite3_bind_double(statement_.get(), index, value));
  }
  void bind_text(int index, std::string_view value) override {
    const char* data = value.data() ? value.data() : "";  // a null pointer would be NULL, not an empty text
    check(sqlite3_bind_text64(statement_.get(), index, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
  }
  void bind_blob(int index, std::span<const std::byte> value) override {
    check(value.empty()
              ? sqlite3_bind_zeroblob(statement_.get(), index, 0)
              : sqlite3_bind_blob64(statement_.get(), index, value.data(), value.size(), SQLITE_TRANSIENT));
  }

  bool next() override {
    const int code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) connection_.fail(code);
    sqlite3_reset(statement_.get());
    return false;
  }

  std::int64_t integer(int column) const override { return sqlite3_column_int64(statement_.get(), column); }
  double real(int column) const override { return sqlite3_column_double(statement_.get(), column); }
  bool is_null(int column) const override {
    return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
  }
  std::string text(int column) const override {
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
    return data ? std::string(data, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column)))
                : std::string();
  }
  std::vector<std::byte> blob(int column) const override {
    const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(statement_.get(), column));
    const int n = sqlite3_column_bytes(statement_.get(), column);
    return data ? std::vector<std::byte>(data, data + n) : std::vector<std::byte>();
  }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
  };
  void check(int code) const {
    if (code != SQLITE_OK) connection_.fail(code);
  }

  const SqliteConnection& connection_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

std::unique_ptr<Cursor> SqliteConnection::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code =
      sqlite3_prepare_v2(database_.get(), sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
  if (code != SQLITE_OK) fail(code);
  KOLOSAL_ASSERT(statement != nullptr, "the SQL text holds a statement");
  return std::make_unique<SqliteCursor>(*this, statement);
}

}  // namespace

std::unique_ptr<Connection> open_sqlite(const std::filesystem::path& path, bool may_create) {
  return std::make_unique<SqliteConnection>(path, may_create);
}

}  // namespace kolosal::store
