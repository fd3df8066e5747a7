#include "kolosal/core/passwords.hpp"

#include <gtest/gtest.h>

namespace kolosal {
namespace {

TEST(WithoutPasswords, HidesThemInAddressesAndNothingElse) {
  EXPECT_EQ(without_passwords("postgresql://ann:secret@host:5432/db"), "postgresql://ann:***@host:5432/db");
  EXPECT_EQ(without_passwords("say \"http://a:b@c@host\" and http://host:80/x"),
            "say \"http://a:***@host\" and http://host:80/x");
  EXPECT_EQ(without_passwords("postgresql://host/db?password=secret&sslmode=require"),
            "postgresql://host/db?password=***&sslmode=require");
  EXPECT_EQ(without_passwords("postgresql://ann@host/db, at 10:30 by ann@host"),
            "postgresql://ann@host/db, at 10:30 by ann@host");
  EXPECT_EQ(without_passwords("/home/ann/a:b@c.csv"), "/home/ann/a:b@c.csv");
}

}  // namespace
}  // namespace kolosal
