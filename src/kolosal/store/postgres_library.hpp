#pragma once

#include <string>

#include "kolosal/core/library.hpp"

struct pg_conn;
struct pg_result;

namespace kolosal::store {

/// The functions of libpq 5 that we call, declared here because most machines do without it. Their types and
/// the numbers of the enumerations are the same in every libpq.so.5.
///
/// Threads: a connection belongs to one thread at a time.
class PostgresLibrary {
 public:
  using Connection = pg_conn;
  using Result = pg_result;

  // ConnStatusType, PostgresPollingStatusType, ExecStatusType, PGTransactionStatusType
  static constexpr int kConnectionBad = 1;
  static constexpr int kPollFailed = 0, kPollReading = 1, kPollOk = 3;
  static constexpr int kEmptyQuery = 0, kCommandOk = 1, kTuplesOk = 2;
  static constexpr int kTransactionIdle = 0;
  // Fields of an error.
  static constexpr int kSqlState = 'C', kPrimaryMessage = 'M';

  /// The library, opened at the first call. @throws Error kUnsupported with the reason of unavailable().
  static const PostgresLibrary& get();
  /// Why it can not be used on this machine, and what to install; empty: it can.
  static const std::string& unavailable();

  Connection* (*connect_start)(const char* const* keywords, const char* const* values, int expand_dbname);
  int (*connect_poll)(Connection* connection);
  void (*finish)(Connection* connection);
  int (*status)(const Connection* connection);
  int (*transaction_status)(const Connection* connection);
  int (*socket)(const Connection* connection);
  char* (*error_message)(const Connection* connection);
  int (*set_nonblocking)(Connection* connection, int on);
  void* (*set_notice_processor)(Connection* connection, void (*processor)(void*, const char*),
                                void* argument);
  int (*send_query)(Connection* connection, const char* sql);
  int (*send_query_params)(Connection* connection, const char* sql, int n, const unsigned* types,
                           const char* const* values, const int* lengths, const int* formats,
                           int result_format);
  int (*flush)(Connection* connection);
  int (*consume_input)(Connection* connection);
  int (*is_busy)(Connection* connection);
  Result* (*get_result)(Connection* connection);
  int (*result_status)(const Result* result);
  char* (*result_error_field)(const Result* result, int field);
  int (*n_rows)(const Result* result);
  char* (*value)(const Result* result, int row, int column);
  int (*length)(const Result* result, int row, int column);
  int (*is_null)(const Result* result, int row, int column);
  void (*clear)(Result* result);

 private:
  explicit PostgresLibrary(const Library& library);
  static const PostgresLibrary* open(std::string& why_not);
};

}  // namespace kolosal::store
