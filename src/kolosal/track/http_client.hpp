#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <string_view>

namespace kolosal::track {

/// The address of a server, taken apart.
struct Url {
  std::string host;
  std::string port = "80";
  std::string path;      ///< What stands before every target: "" or "/prefix".
  std::string user;      ///< "user:password"; empty: none.
  std::string original;  ///< Without user and password: for messages.
};

/// "http://user:password@host:port/prefix". @throws Error kInvalidParameter for what is none, and for
/// https.
Url parse_url(std::string_view text);

/// Text as it may stand in a query or as one part of a path.
std::string percent_encoded(std::string_view text);

struct HttpRequest {
  std::string method = "GET";
  std::string target;  ///< "/api/...", below the path of the server.
  std::string body;    ///< With its type, if any.
  std::string content_type = "application/json";
  std::filesystem::path file = {};  ///< Sent as the body instead, piece by piece.
  double timeout_s = 5;             ///< Of each step: connecting, sending a piece, receiving.
};

struct HttpResponse {
  int status = 0;
  std::string body;
};

/// One request on a connection of its own. The reason when there is no answer: refused, unknown host,
/// silence.
std::expected<HttpResponse, std::string> send(const Url& server, const HttpRequest& request);

}  // namespace kolosal::track
