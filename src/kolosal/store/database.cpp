#include "kolosal/store/database.hpp"

#include <sqlite3.h>

#include <limits>
#include <map>
#include <mutex>

#include "kolosal/core/error.hpp"

namespace kolosal::store {
namespace {

constexpr int kBusyTimeoutMs = 5'000;

sqlite3_stmt* statement_of(void* statement) { return static_cast<sqlite3_stmt*>(statement); }

}  // namespace

std::int64_t Row::integer(int column) const { return sqlite3_column_int64(statement_of(statement_), column); }

double Row::real(int column) const {
  return is_null(column) ? std::numeric_limits<double>::quiet_NaN()
                         : sqlite3_column_double(statement_of(statement_), column);
}

std::string Row::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_of(statement_), column));
  return text ? std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(statement_of(statement_), column)))
              : std::string();
}

std::vector<std::byte> Row::blob(int column) const {
  const auto* bytes = static_cast<const std::byte*>(sqlite3_column_blob(statement_of(statement_), column));
  const auto n = static_cast<std::size_t>(sqlite3_column_bytes(statement_of(statement_), column));
  return bytes ? std::vector<std::byte>(bytes, bytes + n) : std::vector<std::byte>();
}

bool Row::is_null(int column) const {
  return sqlite3_column_type(statement_of(statement_), column) == SQLITE_NULL;
}

struct Database::Impl {
  std::filesystem::path path;
  sqlite3* handle = nullptr;
  std::recursive_mutex mutex;  // a transaction's work calls run()
  std::map<std::string, sqlite3_stmt*, std::less<>> statements;

  ~Impl() {
    for (const auto& [sql, statement] : statements) sqlite3_finalize(statement);
    sqlite3_close(handle);
  }

  [[noreturn]] void fail(std::string_view doing) const {
    const int code = handle ? sqlite3_errcode(handle) : SQLITE_NOMEM;
    const char* reason = handle ? sqlite3_errmsg(handle) : "out of memory";
    if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT)
      throw Error(ErrorCode::kIo, "{} is damaged or is not a run store ({}); remove it to start anew", path.string(), reason);
    throw Error(ErrorCode::kIo, "{}: {} failed: {}", path.string(), doing, reason);
  }

  sqlite3_stmt* prepare(std::string_view sql) {
    if (const auto found = statements.find(sql); found != statements.end()) return found->second;
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v3(handle, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK)
      fail(sql);
    statements.emplace(sql, statement);
    return statement;
  }

  void execute(const char* sql) {
    if (sqlite3_exec(handle, sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail(sql);
  }
};

Database::Database(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Database::~Database() = default;
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;

const std::filesystem::path& Database::path() const { return impl_->path; }

Database Database::open(const std::filesystem::path& path, std::span<const std::string_view> migrations) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX;
  if (sqlite3_open_v2(path.c_str(), &impl->handle, flags, nullptr) != SQLITE_OK) impl->fail("opening it");
  sqlite3_busy_timeout(impl->handle, kBusyTimeoutMs);
  impl->execute("PRAGMA journal_mode = WAL");
  impl->execute("PRAGMA synchronous = NORMAL");
  impl->execute("PRAGMA foreign_keys = ON");
  Database out(std::move(impl));
  std::int64_t version = 0;
  out.run("PRAGMA user_version", {}, [&](const Row& row) { version = row.integer(0); });
  if (version > static_cast<std::int64_t>(migrations.size()))
    throw Error(ErrorCode::kModel, "{} has schema version {}, newer than this program's {}; update kolosal", path.string(), version, migrations.size());
  if (version < static_cast<std::int64_t>(migrations.size())) {
    out.transaction([&] {
      for (auto i = static_cast<std::size_t>(version); i < migrations.size(); ++i) out.impl_->execute(std::string(migrations[i]).c_str());
      out.impl_->execute(fmt::format("PRAGMA user_version = {}", migrations.size()).c_str());
    });
  }
  return out;
}

void Database::run(std::string_view sql, std::initializer_list<Value> values, const std::function<void(const Row&)>& on_row) {
  const std::lock_guard lock(impl_->mutex);
  sqlite3_stmt* statement = impl_->prepare(sql);
  int index = 0;
  for (const Value& value : values) {
    ++index;
    int status = SQLITE_OK;
    switch (value.kind_) {
      case Value::Kind::kInteger:
        status = sqlite3_bind_int64(statement, index, value.integer_);
        break;
      case Value::Kind::kReal:
        status = sqlite3_bind_double(statement, index, value.real_);
        break;
      case Value::Kind::kText:
        status = sqlite3_bind_text64(statement, index, value.text_.data(), value.text_.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
        break;
      case Value::Kind::kBlob:
        status = sqlite3_bind_blob64(statement, index, value.blob_.data(), value.blob_.size(), SQLITE_TRANSIENT);
        break;
    }
    if (status != SQLITE_OK) impl_->fail(sql);
  }
  int status = sqlite3_step(statement);
  try {
    while (status == SQLITE_ROW) {
      if (on_row) on_row(Row(statement));
      status = sqlite3_step(statement);
    }
  } catch (...) {
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    throw;
  }
  if (status != SQLITE_DONE) {
    sqlite3_reset(statement);
    impl_->fail(sql);
  }
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
}

std::optional<std::string> Database::text(std::string_view sql, std::initializer_list<Value> values) {
  std::optional<std::string> out;
  run(sql, values, [&](const Row& row) {
    if (!out && !row.is_null(0)) out = row.text(0);
  });
  return out;
}

std::optional<double> Database::real(std::string_view sql, std::initializer_list<Value> values) {
  std::optional<double> out;
  run(sql, values, [&](const Row& row) {
    if (!out && !row.is_null(0)) out = row.real(0);
  });
  return out;
}

void Database::transaction(const std::function<void()>& work) {
  const std::lock_guard lock(impl_->mutex);
  impl_->execute("BEGIN IMMEDIATE");
  try {
    work();
    impl_->execute("COMMIT");
  } catch (...) {
    sqlite3_exec(impl_->handle, "ROLLBACK", nullptr, nullptr, nullptr);
    throw;
  }
}

}  // namespace kolosal::store
