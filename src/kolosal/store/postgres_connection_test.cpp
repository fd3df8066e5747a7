// Against the server that KOLOSAL_TEST_POSTGRES names; tests/test_postgres.py starts one and runs these.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <thread>

#include "kolosal/core/error.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/store/database.hpp"
#include "kolosal/store/postgres_connection_internal.hpp"

namespace kolosal::store {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr double kPatience_s = 10;

class PostgresDatabase : public testing::Test {
 protected:
  void SetUp() override {
    const char* url = std::getenv("KOLOSAL_TEST_POSTGRES");
    if (!url) GTEST_SKIP() << "KOLOSAL_TEST_POSTGRES names no server";
    server = parse_server_url(url);
    Database(server, kPatience_s).execute_script("DROP SCHEMA IF EXISTS kolosal CASCADE");
  }
  std::unique_ptr<Database> connect() const { return std::make_unique<Database>(server, kPatience_s); }
  std::unique_ptr<Database> with_table(const std::string& columns) const {
    auto out = connect();
    const std::string script = "CREATE TABLE t (" + columns + ")";
    const std::vector<std::string_view> scripts = {script};
    out->migrate("test", scripts);
    return out;
  }
  static std::int64_t count(const Database& database) {
    auto row = database.prepare("SELECT count(*) FROM t");
    row.next();
    return row.integer(0);
  }

  ServerUrl server;
};

TEST_F(PostgresDatabase, GivesBackEveryKindOfValue) {
  const auto database = with_table("i BIGINT, r DOUBLE PRECISION, s TEXT, b BYTEA, n TEXT");
  const std::vector<std::byte> bytes = {std::byte{0}, std::byte{255}, std::byte{7}};
  database->run("INSERT INTO t VALUES (?, ?, ?, ?, ?)", std::numeric_limits<std::int64_t>::min(), 0.1,
                std::string("what? it's \\ \"ä\""), bytes, std::optional<double>());
  database->run("INSERT INTO t VALUES (?, ?, ?, ?, ?), (?, ?, ?, ?, ?)", true,
                -std::numeric_limits<double>::infinity(), "", std::vector<std::byte>(),
                std::optional(std::string("x")), 2, std::nan(""), std::string("a\0b\xff", 4), bytes, "y");
  auto row = database->prepare("SELECT * FROM t WHERE s <> '?' ORDER BY i");
  ASSERT_TRUE(row.next());
  EXPECT_EQ(row.integer(0), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(row.real(1), 0.1);
  EXPECT_EQ(row.text(2), "what? it's \\ \"ä\"");
  EXPECT_EQ(row.blob(3), bytes);
  EXPECT_TRUE(row.is_null(4));
  ASSERT_TRUE(row.next());
  EXPECT_EQ(row.integer(0), 1);
  EXPECT_TRUE(std::isinf(row.real(1)));
  EXPECT_FALSE(row.is_null(2));
  EXPECT_EQ(row.text(4), "x");
  ASSERT_TRUE(row.next());
  EXPECT_TRUE(row.is_null(1)) << "NaN, as SQLite has it";
  EXPECT_EQ(row.text(2),
            "a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD");
  EXPECT_FALSE(row.next());
}

TEST_F(PostgresDatabase, ATransactionThatThrowsLeavesNothing) {
  const auto database = with_table("i BIGINT PRIMARY KEY");
  EXPECT_THROW(database->transaction([&] {
    database->run("INSERT INTO t VALUES (?)", 1);
    throw std::runtime_error("stop");
  }),
               std::runtime_error);
  database->transaction([&] {
    database->run("INSERT INTO t VALUES (?)", 2);
    // After a refusal the server takes nothing more of the transaction but its undoing.
    EXPECT_ERROR(database->transaction([&] { database->run("INSERT INTO t VALUES (?)", 2); }), kIo,
                 HasSubstr("duplicate key"));
    database->transaction([&] { database->run("INSERT INTO t VALUES (?)", 4); });
  });
  EXPECT_EQ(count(*database), 2) << "the nested one that was refused is undone alone";
}

TEST_F(PostgresDatabase, ManyMigrateAtTheSameMoment) {
  const std::vector<std::string_view> scripts = {"CREATE TABLE t (i BIGINT); INSERT INTO t VALUES (1)", "",
                                                 "ALTER TABLE t ADD COLUMN j BIGINT DEFAULT 7"};
  std::vector<std::thread> threads;
  for (int k = 0; k < 6; ++k) threads.emplace_back([&] { connect()->migrate("runs", scripts); });
  for (std::thread& thread : threads) thread.join();
  const auto database = connect();
  EXPECT_EQ(count(*database), 1);
  EXPECT_EQ(database->schema_version("runs"), 3U);
  EXPECT_ERROR(database->migrate("runs", std::span(scripts).first(1)), kUnsupported,
               HasSubstr("this program knows up to 1"));
}

TEST_F(PostgresDatabase, SaysWhatIsWrong) {
  ServerUrl absent = server;
  absent.parameters.emplace_back("dbname", "no_such_database");
  EXPECT_ERROR(Database(absent, kPatience_s), kIo,
               AllOf(HasSubstr(server.text), HasSubstr("\"no_such_database\" does not exist")));
  EXPECT_ERROR(Database(parse_server_url("postgresql://127.0.0.1:1/x"), kPatience_s), kIo,
               HasSubstr("Connection refused"));
  EXPECT_ERROR(connect()->execute_script("SELEC 1"), kIo, HasSubstr("syntax error"));
}

TEST_F(PostgresDatabase, ASilentServerIsNotWaitedFor) {
  Database database(server, 0.2);
  EXPECT_ERROR(database.execute_script("SELECT pg_sleep(60)"), kIo, HasSubstr("no answer within 0.2 s"));
  EXPECT_ERROR(database.execute_script("SELECT 1"), kIo, HasSubstr("the connection was lost"));
}

TEST_F(PostgresDatabase, ASessionThatIsEndedIsAnError) {
  const auto database = with_table("i BIGINT");
  EXPECT_ERROR(database->transaction([&] {
    database->run("INSERT INTO t VALUES (?)", 1);
    connect()->execute_script(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'kolosal' AND pid "
        "<> "
        "pg_backend_pid()");
    for (;;) database->run("SELECT 1");
  }),
               kIo, HasSubstr("terminating connection"));
  EXPECT_EQ(count(*connect()), 0);
}

TEST(NumberedPlaceholders, LeaveTextsAlone) {
  EXPECT_EQ(numbered_placeholders("SELECT '?', ? WHERE a = ? AND b = 'it''s ?'"),
            "SELECT '?', $1 WHERE a = $2 AND b = 'it''s ?'");
}

}  // namespace
}  // namespace kolosal::store
