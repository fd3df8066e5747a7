#include "kolosal/store/server_url.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kolosal/core/error.hpp"

namespace kolosal::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

TEST(ServerUrl, IsTakenApart) {
  const ServerUrl url =
      parse_server_url("postgresql://ann:s%40cret@db.example:5433/runs%20here?sslmode=require&sslpassword=x");
  EXPECT_THAT(url.parameters,
              ElementsAre(Pair("user", "ann"), Pair("password", "s@cret"), Pair("host", "db.example"),
                          Pair("port", "5433"), Pair("dbname", "runs here"), Pair("sslmode", "require"),
                          Pair("sslpassword", "x")));
  EXPECT_EQ(url.text, "postgresql://ann@db.example:5433/runs%20here?sslmode=require");
  EXPECT_THAT(parse_server_url("postgres://").parameters, IsEmpty());
  EXPECT_THAT(parse_server_url("postgresql:///runs?host=/tmp/socket&port=99").parameters,
              ElementsAre(Pair("dbname", "runs"), Pair("host", "/tmp/socket"), Pair("port", "99")));
  EXPECT_THAT(parse_server_url("postgresql://%2Ftmp%2Fsocket").parameters,
              ElementsAre(Pair("host", "/tmp/socket")));
  EXPECT_THAT(parse_server_url("postgresql://[::1]:7,other").parameters,
              ElementsAre(Pair("host", "::1,other"), Pair("port", "7,")));
}

TEST(ServerUrl, IsToldFromAPath) {
  EXPECT_TRUE(is_server_url("postgresql://host/db"));
  EXPECT_TRUE(is_server_url("postgres://host/db"));
  EXPECT_FALSE(is_server_url("postgresql"));
  EXPECT_FALSE(is_server_url("/home/ann/runs"));
}

TEST(ServerUrl, NoPasswordIsToldWhateverIsWrong) {
  // Passwords with characters that mean something in an address, not written as their codes.
  for (const char* text : {"postgresql://ann:sec@ret@host/db", "postgresql://ann:sec/ret@host/db",
                           "postgresql://ann:secret@host", "postgresql://host/db?password=secret",
                           "postgresql://ann:sec:ret@host:1"})
    EXPECT_THAT(parse_server_url(text).text, Not(HasSubstr("ret"))) << text;
  for (const char* text : {"postgresql://ann:sec?ret@host/db", "postgresql://ann:secret@host:port/db",
                           "postgresql://ann:secret%zz@host/db", "postgresql://ann:sec ret@host/db",
                           "mysql://ann:secret@host/db", "postgresql://ann:secret@[::1/db"}) {
    try {
      parse_server_url(text);
      ADD_FAILURE() << text << " was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidParameter);
      EXPECT_THAT(error.what(),
                  testing::AllOf(HasSubstr("postgresql://user@host:port/database"), Not(HasSubstr("ret"))));
    }
  }
}

}  // namespace
}  // namespace kolosal::store
