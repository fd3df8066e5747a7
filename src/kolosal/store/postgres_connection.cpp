#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "kolosal/core/error.hpp"
#include "kolosal/core/utf8.hpp"
#include "kolosal/store/postgres_connection_internal.hpp"
#include "kolosal/store/postgres_library.hpp"

namespace kolosal::store {
namespace {

using Library = PostgresLibrary;
using Moment = std::chrono::steady_clock::time_point;

/// The tables lie in a namespace of their own, so that they get along with others of the database.
constexpr const char* kNamespace = "kolosal";
/// Of the lock under which tables are made and changed: "kolosal" as bytes.
constexpr const char* kMigrationLock = "30240334025023852";

/// One line of libpq's several, which tell the address and the cause.
std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_space = c == '\n' || c == '\t' || c == ' ';
    if (!is_space)
      out += c;
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

/// PostgreSQL takes no bytes that are not UTF-8, and no zero: a question mark in a diamond stands for each.
std::string storable(std::string_view text) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  std::string out;
  while (!text.empty()) {
    const std::size_t n = std::min(first_invalid_utf8(text), text.find('\0'));
    out += text.substr(0, n);
    text.remove_prefix(std::min(n, text.size()));
    if (text.empty()) break;
    out += kReplacement;
    text.remove_prefix(1);
  }
  return out;
}

struct ClearResult {
  void operator()(pg_result* result) const noexcept { Library::get().clear(result); }
};
using Result = std::unique_ptr<pg_result, ClearResult>;

class PostgresConnection final : public Connection {
 public:
  PostgresConnection(const ServerUrl& server, double timeout_s)
      : library_(Library::get()), name_(server.text), timeout_s_(timeout_s) {
    connect(server);
    library_.set_notice_processor(connection_.get(), [](void*, const char*) {}, nullptr);
    // Not waiting within libpq: a server that hangs must not hang us.
    library_.set_nonblocking(connection_.get(), 1);
    // Older servers write numbers with fewer digits than they have.
    execute_script(fmt::format("SET search_path TO {}; SET extra_float_digits TO 3", kNamespace));
  }

  const std::string& name() const override { return name_; }
  std::unique_ptr<Cursor> prepare(std::string_view sql) override;

  void execute_script(const std::string& sql) override {
    if (!library_.send_query(live(), sql.c_str())) lose();
    receive();
  }

  Result execute(const std::string& sql, const std::vector<std::optional<std::string>>& values) {
    std::vector<const char*> pointers;
    for (const auto& value : values) pointers.push_back(value ? value->c_str() : nullptr);
    if (!library_.send_query_params(live(), sql.c_str(), static_cast<int>(values.size()), nullptr,
                                    pointers.data(), nullptr, nullptr, 0))
      lose();
    return receive();
  }

  const char* begin_sql() const override { return "BEGIN"; }
  bool is_in_transaction() const override {
    return connection_ && library_.transaction_status(connection_.get()) != Library::kTransactionIdle;
  }

  bool has_table(std::string_view table) override {
    const auto rows = prepare("SELECT to_regclass(?) IS NOT NULL");
    rows->bind_text(1, table);
    return rows->next() && rows->text(0) == "t";
  }

  void begin_migration() override {
    execute_script(fmt::format("SELECT pg_advisory_xact_lock({}); CREATE SCHEMA IF NOT EXISTS {}",
                               kMigrationLock, kNamespace));
  }

 private:
  struct Finish {
    void operator()(pg_conn* connection) const noexcept { Library::get().finish(connection); }
  };

  Moment deadline() const {
    return std::chrono::steady_clock::now() +
           std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::duration<double>(timeout_s_));
  }

  /// Waits until the socket can be read (or written, too). @throws Error after the time.
  void wait(bool to_read, bool to_write, Moment until) {
    for (;;) {
      pollfd descriptor{library_.socket(connection_.get()),
                        static_cast<short>((to_read ? POLLIN : 0) | (to_write ? POLLOUT : 0)), 0};
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
      const int code = poll(&descriptor, 1, static_cast<int>(std::max<std::int64_t>(0, left.count() + 1)));
      if (code > 0) return;
      if (code < 0 && errno == EINTR) continue;
      connection_.reset();
      fail(fmt::format("no answer within {:g} s", timeout_s_));
    }
  }

  void connect(const ServerUrl& server) {
    std::vector<const char*> keywords, values;
    const auto add = [&](const char* keyword, const char* value) {
      keywords.push_back(keyword);
      values.push_back(value);
    };
    add("client_encoding", "UTF8");
    add("application_name", "kolosal");
    for (const auto& [keyword, value] : server.parameters) add(keyword.c_str(), value.c_str());
    add(nullptr, nullptr);
    connection_.reset(library_.connect_start(keywords.data(), values.data(), 0));
    if (!connection_) throw std::bad_alloc();
    const Moment until = deadline();
    if (library_.status(connection_.get()) == Library::kConnectionBad) lose();
    for (bool to_read = false;;) {
      wait(to_read, !to_read, until);
      const int state = library_.connect_poll(connection_.get());
      if (state == Library::kPollOk) return;
      if (state == Library::kPollFailed) lose();
      to_read = state == Library::kPollReading;
    }
  }

  pg_conn* live() {
    if (!connection_) fail("the connection was lost");
    return connection_.get();
  }

  /// The last of the results of what was sent. @throws Error with the server's words.
  Result receive() {
    const Moment until = deadline();
    int unsent = library_.flush(connection_.get());
    while (unsent == 1) {
      // It may want to be read from before it takes more.
      wait(true, true, until);
      if (!library_.consume_input(connection_.get())) lose();
      unsent = library_.flush(connection_.get());
    }
    if (unsent < 0) lose();
    Result out;
    std::string refusal;
    for (;;) {
      while (library_.is_busy(connection_.get())) {
        wait(true, false, until);
        if (!library_.consume_input(connection_.get())) lose();
      }
      Result one(library_.get_result(connection_.get()));
      if (!one) break;
      const int status = library_.result_status(one.get());
      const bool is_good =
          status == Library::kCommandOk || status == Library::kTuplesOk || status == Library::kEmptyQuery;
      if (!is_good && refusal.empty()) refusal = refusal_text(one.get());
      out = std::move(one);
    }
    if (library_.status(connection_.get()) == Library::kConnectionBad) lose();
    if (!refusal.empty()) fail(refusal);
    return out;
  }

  std::string refusal_text(const pg_result* result) const {
    const char* message = library_.result_error_field(result, Library::kPrimaryMessage);
    const char* state = library_.result_error_field(result, Library::kSqlState);
    if (!message) return one_line(library_.error_message(connection_.get()));
    return state ? fmt::format("{} (SQLSTATE {})", message, state) : std::string(message);
  }

  /// The connection is of no use any more.
  [[noreturn]] void lose() {
    const std::string why = one_line(library_.error_message(connection_.get()));
    connection_.reset();
    fail(why.empty() ? "the connection was lost" : why);
  }

  [[noreturn]] void fail(std::string_view why) const {
    throw Error(ErrorCode::kIo, "database {}: {}", name_, why);
  }

  const Library& library_;
  std::string name_;
  double timeout_s_;
  std::unique_ptr<pg_conn, Finish> connection_;  // null when it was lost
};

class PostgresCursor final : public Cursor {
 public:
  PostgresCursor(PostgresConnection& connection, std::string sql)
      : library_(Library::get()), connection_(connection), sql_(std::move(sql)) {}

  void restart() override {
    values_.clear();
    result_.reset();
  }

  void bind_null(int index) override { place(index) = std::nullopt; }
  void bind_integer(int index, std::int64_t value) override { place(index) = fmt::format("{}", value); }
  void bind_real(int index, double value) override {
    // As SQLite has it: no number is NULL.
    if (std::isnan(value))
      bind_null(index);
    else
      place(index) = std::isinf(value) ? (value > 0 ? "Infinity" : "-Infinity") : fmt::format("{}", value);
  }
  void bind_text(int index, std::string_view value) override { place(index) = storable(value); }
  void bind_blob(int index, std::span<const std::byte> value) override {
    std::string text = "\\x";
    for (const std::byte byte : value) text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
    place(index) = std::move(text);
  }

  bool next() override {
    if (!result_) {
      result_ = connection_.execute(sql_, values_);
      row_ = -1;
    }
    if (++row_ < library_.n_rows(result_.get())) return true;
    result_.reset();
    return false;
  }

  std::int64_t integer(int column) const override {
    const std::string_view text = view(column);
    if (text == "t" || text == "f") return text == "t";
    std::int64_t out = 0;
    std::from_chars(text.data(), text.data() + text.size(), out);
    return out;
  }
  double real(int column) const override { return std::strtod(text(column).c_str(), nullptr); }
  std::string text(int column) const override { return std::string(view(column)); }
  bool is_null(int column) const override { return library_.is_null(result_.get(), row_, column) != 0; }

  std::vector<std::byte> blob(int column) const override {
    std::string_view text = view(column);
    std::vector<std::byte> out;
    for (text.remove_prefix(std::min<std::size_t>(2, text.size())); text.size() >= 2; text.remove_prefix(2)) {
      unsigned byte = 0;
      std::from_chars(text.data(), text.data() + 2, byte, 16);
      out.push_back(static_cast<std::byte>(byte));
    }
    return out;
  }

 private:
  std::optional<std::string>& place(int index) {
    values_.resize(std::max(values_.size(), static_cast<std::size_t>(index)));
    return values_[static_cast<std::size_t>(index) - 1];
  }
  std::string_view view(int column) const {
    return {library_.value(result_.get(), row_, column),
            static_cast<std::size_t>(library_.length(result_.get(), row_, column))};
  }

  const Library& library_;
  PostgresConnection& connection_;
  std::string sql_;
  std::vector<std::optional<std::string>> values_;
  Result result_;
  int row_ = -1;
};

std::unique_ptr<Cursor> PostgresConnection::prepare(std::string_view sql) {
  return std::make_unique<PostgresCursor>(*this, numbered_placeholders(sql));
}

}  // namespace

std::string numbered_placeholders(std::string_view sql) {
  std::string out;
  int n = 0;
  bool is_quoted = false;
  for (const char c : sql) {
    if (c == '\'') is_quoted = !is_quoted;
    out += c == '?' && !is_quoted ? fmt::format("${}", ++n) : std::string(1, c);
  }
  return out;
}

std::unique_ptr<Connection> open_postgres(const ServerUrl& server, double timeout_s) {
  return std::make_unique<PostgresConnection>(server, timeout_s);
}

}  // namespace kolosal::store
