#include "kolosal/store/database.hpp"

#include <sqlite3.h>

#include <cstring>
#include <utility>

#include "kolosal/core/error.hpp"

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

}  // namespace

void Database::Close::operator()(sqlite3* database) const noexcept { sqlite3_close_v2(database); }
void Statement::Finalize::operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }

Database::Database(const std::filesystem::path& path, Mode mode) : path_(path.string()) {
  if (mode == Mode::kExisting && !std::filesystem::exists(path))
    throw Error(ErrorCode::kNotFound, "no database at: {}", path_);
  sqlite3* opened = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX | SQLITE_OPEN_EXRESCODE |
                    (mode == Mode::kCreate ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(path_.c_str(), &opened, flags, nullptr);
  database_.reset(opened);
  if (code != SQLITE_OK) fail(code);
  configure();
  // The file remembers it. One that is there keeps what it has: a copy that is only read is not written to.
  if (mode == Mode::kCreate) execute_script("PRAGMA journal_mode = WAL");
}

void Database::configure() {
  sqlite3_busy_timeout(database_.get(), 5000);
  // Reads every page once, so that damage is found now and not in the middle of a run. Run files are small.
  auto check = prepare("PRAGMA quick_check(1)");
  if (!check.next() || check.text(0) != "ok")
    throw Error(ErrorCode::kIo, "database {}: {}{}", path_, check.text(0), advice(SQLITE_CORRUPT));
  check.run();
  // NORMAL: the log is not synced at every commit. A commit survives the death of the process, not always a
  // power cut.
  execute_script("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;");
}

void Database::fail(int code) const {
  const char* reason = database_ ? sqlite3_errmsg(database_.get()) : sqlite3_errstr(code);
  const int system_error = database_ ? sqlite3_system_errno(database_.get()) : 0;
  const bool has_cause =
      system_error != 0 && ((code & 0xff) == SQLITE_CANTOPEN || (code & 0xff) == SQLITE_IOERR);
  throw Error(ErrorCode::kIo, "database {}: {}{}{}", path_, reason,
              has_cause ? fmt::format(" ({})", std::strerror(system_error)) : std::string(), advice(code));
}

Statement Database::prepare(std::string_view sql) const {
  sqlite3_stmt* statement = nullptr;
  const int code =
      sqlite3_prepare_v2(database_.get(), sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
  if (code != SQLITE_OK) fail(code);
  KOLOSAL_ASSERT(statement != nullptr, "the SQL text holds a statement");
  return {*this, statement};
}

void Database::execute_script(const std::string& sql) {
  const int code = sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

void Database::transaction(const std::function<void()>& body) {
  const std::string name = fmt::format("nested_{}", depth_);
  // IMMEDIATE: a writer waits at the start, where waiting is possible, and not in the middle.
  execute_script(depth_ == 0 ? "BEGIN IMMEDIATE" : "SAVEPOINT " + name);
  ++depth_;
  try {
    body();
    execute_script(depth_ == 1 ? "COMMIT" : "RELEASE " + name);
    --depth_;
  } catch (...) {
    --depth_;
    // After some errors (disk full) SQLite has rolled back by itself; the first error is the one to tell.
    const std::string undo = depth_ == 0 ? "ROLLBACK" : "ROLLBACK TO " + name + "; RELEASE " + name;
    if (!sqlite3_get_autocommit(database_.get()))
      sqlite3_exec(database_.get(), undo.c_str(), nullptr, nullptr, nullptr);
    throw;
  }
}

std::size_t Database::schema_version(std::string_view component) const {
  auto known = prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'");
  if (!known.next()) return 0;
  auto version = prepare("SELECT version FROM schema_version WHERE component = ?");
  return version.bind(component).next() ? static_cast<std::size_t>(version.integer(0)) : 0;
}

void Database::migrate(std::string_view component, std::span<const std::string_view> scripts) {
  if (schema_version(component) == scripts.size()) return;
  transaction([&] {
    execute_script(
        "CREATE TABLE IF NOT EXISTS schema_version (component TEXT PRIMARY KEY, version INTEGER NOT NULL)");
    const std::size_t version = schema_version(component);  // again: another process may have been faster
    if (version > scripts.size())
      throw Error(
          ErrorCode::kUnsupported,
          "database {}: its {} tables have version {}, this program knows up to {}; use a newer kolosal",
          path_, component, version, scripts.size());
    for (std::size_t k = version; k < scripts.size(); ++k) execute_script(std::string(scripts[k]));
    run("INSERT INTO schema_version VALUES (?, ?) ON CONFLICT (component) DO UPDATE SET version = "
        "excluded.version",
        component, scripts.size());
  });
}

std::int64_t Database::last_insert_id() const { return sqlite3_last_insert_rowid(database_.get()); }

bool Statement::next() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) database_->fail(code);
  sqlite3_reset(statement_.get());
  return false;
}

void Statement::run() {
  while (next()) {
  }
}

void Statement::restart() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

void Statement::bind_null(int index) {
  if (const int code = sqlite3_bind_null(statement_.get(), index); code != SQLITE_OK) database_->fail(code);
}

void Statement::bind_integer(int index, std::int64_t value) {
  if (const int code = sqlite3_bind_int64(statement_.get(), index, value); code != SQLITE_OK)
    database_->fail(code);
}

void Statement::bind_real(int index, double value) {
  if (const int code = sqlite3_bind_double(statement_.get(), index, value); code != SQLITE_OK)
    database_->fail(code);
}

void Statement::bind_text(int index, std::string_view value) {
  const char* data = value.data() ? value.data() : "";  // a null pointer would be NULL, not an empty text
  const int code =
      sqlite3_bind_text64(statement_.get(), index, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) database_->fail(code);
}

void Statement::bind_blob(int index, std::span<const std::byte> value) {
  const int code = value.empty() ? sqlite3_bind_zeroblob(statement_.get(), index, 0)
                                 : sqlite3_bind_blob64(statement_.get(), index, value.data(), value.size(),
                                                       SQLITE_TRANSIENT);
  if (code != SQLITE_OK) database_->fail(code);
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }
double Statement::real(int column) const { return sqlite3_column_double(statement_.get(), column); }
bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

std::string Statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  return data ? std::string(data, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column)))
              : std::string();
}

std::vector<std::byte> Statement::blob(int column) const {
  const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(statement_.get(), column));
  const int n = sqlite3_column_bytes(statement_.get(), column);
  return data ? std::vector<std::byte>(data, data + n) : std::vector<std::byte>();
}

}  // namespace kolosal::store
