#include "kolosal/store/postgres_library.hpp"

#include <memory>
#include <string_view>
#include <utility>

#include "kolosal/core/error.hpp"

namespace kolosal::store {
namespace {

template <typename Signature>
void assign(const Library& library, Signature*& function, const char* symbol) {
  function = library.function<Signature>(symbol);
}

}  // namespace

PostgresLibrary::PostgresLibrary(const Library& library) {
  assign(library, connect_start, "PQconnectStartParams");
  assign(library, connect_poll, "PQconnectPoll");
  assign(library, finish, "PQfinish");
  assign(library, status, "PQstatus");
  assign(library, transaction_status, "PQtransactionStatus");
  assign(library, socket, "PQsocket");
  assign(library, error_message, "PQerrorMessage");
  assign(library, set_nonblocking, "PQsetnonblocking");
  assign(library, set_notice_processor, "PQsetNoticeProcessor");
  assign(library, send_query, "PQsendQuery");
  assign(library, send_query_params, "PQsendQueryParams");
  assign(library, flush, "PQflush");
  assign(library, consume_input, "PQconsumeInput");
  assign(library, is_busy, "PQisBusy");
  assign(library, get_result, "PQgetResult");
  assign(library, result_status, "PQresultStatus");
  assign(library, result_error_field, "PQresultErrorField");
  assign(library, n_rows, "PQntuples");
  assign(library, value, "PQgetvalue");
  assign(library, length, "PQgetlength");
  assign(library, is_null, "PQgetisnull");
  assign(library, clear, "PQclear");
}

const PostgresLibrary* PostgresLibrary::open(std::string& why_not) {
  static const std::pair<std::unique_ptr<const PostgresLibrary>, std::string> opened = [] {
    std::pair<std::unique_ptr<const PostgresLibrary>, std::string> out;
    static constexpr std::string_view kNames[] = {"libpq.so.5"};
    const auto library = open_library(kNames);
    if (!library) {
      out.second = fmt::format(
          "PostgreSQL's client library is missing: {}; install it (Debian and Ubuntu: apt-get install "
          "libpq5; "
          "Fedora: dnf install libpq), or name its folder in KOLOSAL_LIBRARY_PATH",
          library.error());
      return out;
    }
    try {
      out.first.reset(new PostgresLibrary(*library));
    } catch (const Error& error) {
      out.second = error.what();
    }
    return out;
  }();
  why_not = opened.second;
  return opened.first.get();
}

const PostgresLibrary& PostgresLibrary::get() {
  std::string why_not;
  if (const PostgresLibrary* library = open(why_not)) return *library;
  throw Error(ErrorCode::kUnsupported, why_not);
}

const std::string& PostgresLibrary::unavailable() {
  static const std::string reason = [] {
    std::string why_not;
    open(why_not);
    return why_not;
  }();
  return reason;
}

}  // namespace kolosal::store
