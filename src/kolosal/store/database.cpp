#include "kolosal/store/database.hpp"

#include <utility>

#include "kolosal/core/error.hpp"
#include "kolosal/store/postgres_connection_internal.hpp"
#include "kolosal/store/postgres_library.hpp"
#include "kolosal/store/sqlite_connection_internal.hpp"

namespace kolosal::store {
namespace {

std::unique_ptr<Connection> open_file(const std::filesystem::path& path, Database::Mode mode) {
  if (mode == Database::Mode::kExisting && !std::filesystem::exists(path))
    throw Error(ErrorCode::kNotFound, "no database at: {}", path.string());
  return open_sqlite(path, mode == Database::Mode::kCreate);
}

}  // namespace

Database::Database(const std::filesystem::path& path, Mode mode) : connection_(open_file(path, mode)) {}
Database::Database(const ServerUrl& server, double timeout_s)
    : connection_(open_postgres(server, timeout_s)), is_server_(true) {}
Database::~Database() = default;

const std::string& Database::servers_unavailable() { return PostgresLibrary::unavailable(); }

const std::string& Database::name() const { return connection_->name(); }

Statement Database::prepare(std::string_view sql) const { return Statement(connection_->prepare(sql)); }

void Database::execute_script(const std::string& sql) { connection_->execute_script(sql); }

void Database::transaction(const std::function<void()>& body) {
  const std::string name = fmt::format("nested_{}", depth_);
  execute_script(depth_ == 0 ? connection_->begin_sql() : "SAVEPOINT " + name);
  ++depth_;
  try {
    body();
    execute_script(depth_ == 1 ? "COMMIT" : "RELEASE SAVEPOINT " + name);
    --depth_;
  } catch (...) {
    --depth_;
    const std::string undo =
        depth_ == 0 ? "ROLLBACK" : "ROLLBACK TO SAVEPOINT " + name + "; RELEASE SAVEPOINT " + name;
    try {
      // After some errors (disk full) SQLite has rolled back by itself.
      if (connection_->is_in_transaction()) execute_script(undo);
    } catch (const Error&) {
      // The first error is the one to tell; a connection that is gone has undone all by itself.
    }
    throw;
  }
}

std::size_t Database::schema_version(std::string_view component) const {
  if (!connection_->has_table("schema_version")) return 0;
  auto version = prepare("SELECT version FROM schema_version WHERE component = ?");
  return version.bind(component).next() ? static_cast<std::size_t>(version.integer(0)) : 0;
}

void Database::migrate(std::string_view component, std::span<const std::string_view> scripts) {
  if (schema_version(component) == scripts.size()) return;
  transaction([&] {
    connection_->begin_migration();
    execute_script(
        "CREATE TABLE IF NOT EXISTS schema_version (component TEXT PRIMARY KEY, version INTEGER NOT NULL)");
    const std::size_t version = schema_version(component);  // again: another process may have been faster
    if (version > scripts.size())
      throw Error(
          ErrorCode::kUnsupported,
          "database {}: its {} tables have version {}, this program knows up to {}; use a newer kolosal",
          name(), component, version, scripts.size());
    for (std::size_t k = version; k < scripts.size(); ++k) execute_script(std::string(scripts[k]));
    run("INSERT INTO schema_version VALUES (?, ?) ON CONFLICT (component) DO UPDATE SET version = "
        "excluded.version",
        component, scripts.size());
  });
}

Statement::Statement(std::unique_ptr<Cursor> cursor) : cursor_(std::move(cursor)) {}
Statement::Statement(Statement&&) noexcept = default;
Statement& Statement::operator=(Statement&&) noexcept = default;
Statement::~Statement() = default;

Statement& Statement::bind_all(std::span<const Value> values) {
  restart();
  int index = 0;
  for (const Value& value : values) {
    ++index;
    if (const auto* number = std::get_if<std::int64_t>(&value))
      bind_integer(index, *number);
    else if (const auto* real = std::get_if<double>(&value))
      bind_real(index, *real);
    else if (const auto* text = std::get_if<std::string>(&value))
      bind_text(index, *text);
    else
      bind_null(index);
  }
  return *this;
}

bool Statement::next() { return cursor_->next(); }

void Statement::run() {
  while (next()) {
  }
}

void Statement::restart() { cursor_->restart(); }
void Statement::bind_null(int index) { cursor_->bind_null(index); }
void Statement::bind_integer(int index, std::int64_t value) { cursor_->bind_integer(index, value); }
void Statement::bind_real(int index, double value) { cursor_->bind_real(index, value); }
void Statement::bind_text(int index, std::string_view value) { cursor_->bind_text(index, value); }
void Statement::bind_blob(int index, std::span<const std::byte> value) { cursor_->bind_blob(index, value); }

std::int64_t Statement::integer(int column) const { return cursor_->integer(column); }
double Statement::real(int column) const { return cursor_->real(column); }
bool Statement::is_null(int column) const { return cursor_->is_null(column); }
std::string Statement::text(int column) const { return cursor_->text(column); }
std::vector<std::byte> Statement::blob(int column) const { return cursor_->blob(column); }

}  // namespace kolosal::store
