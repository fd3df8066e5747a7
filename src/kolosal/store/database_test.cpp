#include "kolosal/store/database.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "kolosal/core/error.hpp"
#include "kolosal/core/testing/temp_folder.hpp"

namespace kolosal::store {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::string message_of(const std::function<void()>& call, ErrorCode code = ErrorCode::kIo) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

std::int64_t count(const Database& database, const std::string& table) {
  auto statement = database.prepare("SELECT count(*) FROM " + table);
  statement.next();
  return statement.integer(0);
}

TEST(Database, GivesBackEveryKindOfValue) {
  Database database(":memory:");
  database.execute_script("CREATE TABLE t (i INTEGER, r REAL, s TEXT, b BLOB, n TEXT)");
  const std::vector<std::byte> bytes = {std::byte{0}, std::byte{255}, std::byte{7}};
  database.run("INSERT INTO t VALUES (?, ?, ?, ?, ?)", std::numeric_limits<std::int64_t>::min(), 0.1,
               std::string("a\0b", 3), bytes, std::optional<double>());
  database.run("INSERT INTO t VALUES (?, ?, ?, ?, ?)", true, -std::numeric_limits<double>::infinity(), "",
               std::vector<std::byte>(), std::optional(std::string("x")));
  auto row = database.prepare("SELECT * FROM t ORDER BY rowid");
  ASSERT_TRUE(row.next());
  EXPECT_EQ(row.integer(0), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(row.real(1), 0.1);
  EXPECT_EQ(row.text(2), std::string("a\0b", 3));
  EXPECT_EQ(row.blob(3), bytes);
  EXPECT_TRUE(row.is_null(4));
  ASSERT_TRUE(row.next());
  EXPECT_EQ(row.integer(0), 1);
  EXPECT_TRUE(std::isinf(row.real(1)));
  EXPECT_FALSE(row.is_null(2));
  EXPECT_FALSE(row.is_null(3));
  EXPECT_EQ(row.text(4), "x");
  EXPECT_FALSE(row.next());
}

TEST(Database, AStatementIsUsedAgainWithOtherValues) {
  Database database(":memory:");
  database.execute_script("CREATE TABLE t (i INTEGER)");
  auto insert = database.prepare("INSERT INTO t VALUES (?)");
  for (const int i : {4, 5, 6}) insert.bind(i).run();
  auto select = database.prepare("SELECT i FROM t WHERE i > ? ORDER BY i");
  std::vector<std::int64_t> got;
  for (select.bind(4); select.next();) got.push_back(select.integer(0));
  EXPECT_THAT(got, ElementsAre(5, 6));
}

TEST(Database, ATransactionThatThrowsLeavesNothing) {
  Database database(":memory:");
  database.execute_script("CREATE TABLE t (i INTEGER)");
  EXPECT_THROW(database.transaction([&] {
    database.run("INSERT INTO t VALUES (1)");
    throw std::runtime_error("stop");
  }),
               std::runtime_error);
  EXPECT_EQ(count(database, "t"), 0);
  database.transaction([&] {
    database.run("INSERT INTO t VALUES (2)");
    EXPECT_THROW(database.transaction([&] {
      database.run("INSERT INTO t VALUES (3)");
      throw std::runtime_error("stop");
    }),
                 std::runtime_error);
    database.transaction([&] { database.run("INSERT INTO t VALUES (4)"); });
  });
  EXPECT_EQ(count(database, "t"), 2) << "the nested one that threw is undone alone";
}

TEST(Database, ForeignKeysAreChecked) {
  Database database(":memory:");
  database.execute_script(
      "CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (a INTEGER REFERENCES a(id))");
  EXPECT_THAT(message_of([&] { database.run("INSERT INTO b VALUES (9)"); }), HasSubstr("FOREIGN KEY"));
}

TEST(Database, MigratesEachComponentOnceAndInOrder) {
  const TempFolder folder;
  const std::vector<std::string_view> first = {"CREATE TABLE t (i INTEGER); INSERT INTO t VALUES (1)"};
  const std::vector<std::string_view> both = {first[0], "ALTER TABLE t ADD COLUMN j INTEGER DEFAULT 7"};
  {
    Database database(folder.file("a.sqlite"));
    EXPECT_EQ(database.schema_version("runs"), 0U);
    database.migrate("runs", first);
    database.migrate("runs", first);
    EXPECT_EQ(database.schema_version("runs"), 1U);
    EXPECT_EQ(count(database, "t"), 1);
  }
  Database database(folder.file("a.sqlite"));
  database.migrate("runs", both);
  database.migrate("studies", std::vector<std::string_view>{"CREATE TABLE u (i INTEGER)"});
  EXPECT_EQ(database.schema_version("runs"), 2U);
  EXPECT_EQ(database.schema_version("studies"), 1U);
  auto row = database.prepare("SELECT i, j FROM t");
  ASSERT_TRUE(row.next());
  EXPECT_EQ(row.integer(1), 7);
  row.run();
  EXPECT_THAT(
      message_of([&] { database.migrate("runs", first); }, ErrorCode::kUnsupported),
      AllOf(HasSubstr("runs tables have version 2, this program knows up to 1"), HasSubstr("a.sqlite")));
}

TEST(Database, AFailedMigrationLeavesTheOldVersion) {
  Database database(":memory:");
  const std::vector<std::string_view> bad = {"CREATE TABLE t (i INTEGER)", "CREATE TABLE t (i INTEGER)"};
  EXPECT_THAT(message_of([&] { database.migrate("x", bad); }), HasSubstr("already exists"));
  EXPECT_EQ(database.schema_version("x"), 0U);
  EXPECT_NO_THROW(database.migrate("x", std::span(bad).first(1)));
}

TEST(Database, SaysWhatIsWrongWithTheFile) {
  const TempFolder folder;
  EXPECT_THAT(message_of([&] { Database(folder.path() / "absent" / "a.sqlite"); }),
              AllOf(HasSubstr("absent/a.sqlite"), HasSubstr("No such file or directory"),
                    HasSubstr("check that its folder")));
  EXPECT_THAT(
      message_of([&] { Database(folder.file("b.sqlite"), Database::Mode::kExisting); }, ErrorCode::kNotFound),
      HasSubstr("b.sqlite"));
  EXPECT_FALSE(std::filesystem::exists(folder.file("b.sqlite")));
  const auto text = folder.write("text.sqlite", std::string(5000, 'x'));
  EXPECT_THAT(message_of([&] { Database database(text); }),
              AllOf(HasSubstr("text.sqlite"), HasSubstr("the file is damaged or no database")));
  EXPECT_THAT(message_of([&] { Database(":memory:").run("SELEC 1"); }), HasSubstr("syntax error"));
}

TEST(Database, FindsDamageWhenItIsOpened) {
  const TempFolder folder;
  const auto file = folder.file("a.sqlite");
  {
    Database database(file);
    database.execute_script("CREATE TABLE t (i INTEGER, s TEXT)");
    database.transaction([&] {
      for (int i = 0; i < 2000; ++i) database.run("INSERT INTO t VALUES (?, ?)", i, std::string(50, 'a'));
    });
  }
  const std::string good = read_text(file);
  ASSERT_GT(good.size(), 50'000U);
  folder.write("cut.sqlite", good.substr(0, good.size() / 2));
  std::string scrambled = good;
  std::fill_n(scrambled.begin() + 8192, 4096, '\x5a');
  folder.write("scrambled.sqlite", scrambled);
  for (const char* name : {"cut.sqlite", "scrambled.sqlite"})
    EXPECT_THAT(message_of([&] { Database database(folder.file(name)); }), HasSubstr("damaged")) << name;
}

TEST(Database, WhatWasCommittedSurvivesAKill) {
  const TempFolder folder;
  const auto file = folder.file("a.sqlite");
  const pid_t child = fork();
  if (child == 0) {
    Database database(file);
    database.execute_script("CREATE TABLE t (i INTEGER)");
    for (int i = 0; i < 10; ++i) database.run("INSERT INTO t VALUES (?)", i);
    database.transaction([&] {
      database.run("INSERT INTO t VALUES (99)");
      kill(getpid(), SIGKILL);
    });
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  Database database(file, Database::Mode::kExisting);
  EXPECT_EQ(count(database, "t"), 10);
}

TEST(Database, ReadingACopyDoesNotChangeIt) {
  const TempFolder folder;
  const auto copy = folder.file("copy.sqlite");
  {
    Database source(folder.file("source.sqlite"));
    source.execute_script("CREATE TABLE t (x); INSERT INTO t VALUES (7)");
    source.run("VACUUM INTO ?", copy);
  }
  const std::string before = read_text(copy);
  {
    Database database(copy, Database::Mode::kExisting);
    auto row = database.prepare("SELECT x FROM t");
    ASSERT_TRUE(row.next());
    EXPECT_EQ(row.integer(0), 7);
  }
  EXPECT_EQ(read_text(copy), before);
}

}  // namespace
}  // namespace kolosal::store
