#include "kolosal/track/http_client.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/detail/base64.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <exception>

#include "kolosal/core/error.hpp"
#include "kolosal/core/version.hpp"

namespace kolosal::track {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

/// An answer that is longer is none that we asked for.
constexpr std::size_t kMostAnswerBytes = 8UL << 20;

std::string base64(const std::string& text) {
  std::string out(beast::detail::base64::encoded_size(text.size()), '\0');
  out.resize(beast::detail::base64::encode(out.data(), text.data(), text.size()));
  return out;
}

template <typename Body>
void set_head(http::request<Body>& out, const Url& server, const HttpRequest& request) {
  out.version(11);
  out.method_string(request.method);
  out.target(server.path + request.target);
  out.set(http::field::host, server.port == "80" ? server.host : server.host + ":" + server.port);
  out.set(http::field::user_agent, fmt::format("kolosal/{}", kVersion));
  out.set(http::field::connection, "close");
  if (!server.user.empty()) out.set(http::field::authorization, "Basic " + base64(server.user));
}

/// Sends in pieces, so that the time counts for each and a large file may take longer than a call.
template <typename Body>
asio::awaitable<void> write(beast::tcp_stream& stream, http::request<Body>& message,
                            std::chrono::duration<double> timeout) {
  http::request_serializer<Body> serializer(message);
  while (!serializer.is_done()) {
    stream.expires_after(std::chrono::duration_cast<std::chrono::nanoseconds>(timeout));
    co_await http::async_write_some(stream, serializer, asio::use_awaitable);
  }
}

asio::awaitable<void> exchange(const Url& server, const HttpRequest& request, HttpResponse& out) {
  const std::chrono::duration<double> timeout(request.timeout_s);
  const auto expiry = std::chrono::duration_cast<std::chrono::nanoseconds>(timeout);
  const auto executor = co_await asio::this_coro::executor;
  tcp::resolver resolver(executor);
  const auto endpoints = co_await resolver.async_resolve(server.host, server.port, asio::use_awaitable);
  beast::tcp_stream stream(executor);
  stream.expires_after(expiry);
  co_await stream.async_connect(endpoints, asio::use_awaitable);
  if (request.file.empty()) {
    http::request<http::string_body> message;
    set_head(message, server, request);
    message.body() = request.body;
    if (!request.body.empty()) message.set(http::field::content_type, request.content_type);
    message.prepare_payload();
    co_await write(stream, message, timeout);
  } else {
    http::request<http::file_body> message;
    set_head(message, server, request);
    message.set(http::field::content_type, "application/octet-stream");
    beast::error_code error;
    message.body().open(request.file.c_str(), beast::file_mode::scan, error);
    if (error) throw Error(ErrorCode::kIo, "can not read {}: {}", request.file.string(), error.message());
    message.prepare_payload();
    co_await write(stream, message, timeout);
  }
  http::response_parser<http::string_body> parser;
  parser.body_limit(kMostAnswerBytes);
  beast::flat_buffer buffer;
  stream.expires_after(expiry);
  co_await http::async_read(stream, buffer, parser, asio::use_awaitable);
  out.status = static_cast<int>(parser.get().result_int());
  out.body = std::move(parser.get().body());
}

}  // namespace

Url parse_url(std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return Error(ErrorCode::kInvalidParameter,
                 "the address of a tracking server is http://host:port, not \"{}\": {}", text, why);
  };
  if (text.starts_with("https://"))
    throw Error(ErrorCode::kInvalidParameter,
                "https is not spoken to tracking servers; give an http:// address, perhaps of a local proxy");
  constexpr std::string_view kScheme = "http://";
  if (!text.starts_with(kScheme)) throw refuse("it does not start with http://");
  std::string_view rest = text.substr(kScheme.size());
  Url out;
  const auto slash = rest.find_first_of("/?#");
  std::string_view authority = rest.substr(0, slash);
  if (slash != std::string_view::npos) {
    if (rest[slash] != '/' || rest.find_first_of("?#") != std::string_view::npos)
      throw refuse("it has a query");
    out.path = rest.substr(slash);
    while (out.path.ends_with('/')) out.path.pop_back();
  }
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
    out.user = authority.substr(0, at);
    authority.remove_prefix(at + 1);
  }
  const auto bracket = authority.rfind(']');  // of an IPv6 address
  const auto colon = authority.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    out.port = authority.substr(colon + 1);
    authority = authority.substr(0, colon);
    if (out.port.empty() || out.port.size() > 5 ||
        out.port.find_first_not_of("0123456789") != std::string::npos)
      throw refuse("its port is no number");
  }
  if (authority.starts_with('[') && authority.ends_with(']'))
    authority = authority.substr(1, authority.size() - 2);
  if (authority.empty()) throw refuse("it has no host");
  for (const char c : rest)
    if (static_cast<unsigned char>(c) <= ' ') throw refuse("it has a blank");
  out.host = authority;
  out.original = fmt::format("http://{}:{}{}", out.host, out.port, out.path);
  return out;
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || std::string_view("-._~").find(c) != std::string_view::npos)
      out += c;
    else
      out += fmt::format("%{:02X}", byte);
  }
  return out;
}

std::expected<HttpResponse, std::string> send(const Url& server, const HttpRequest& request) {
  HttpResponse out;
  std::exception_ptr failure;
  try {
    asio::io_context io(1);
    asio::co_spawn(io, exchange(server, request, out), [&](std::exception_ptr error) { failure = error; });
    io.run();
    if (failure) std::rethrow_exception(failure);
    return out;
  } catch (const boost::system::system_error& error) {
    return std::unexpected(error.code() == beast::error::timeout
                               ? fmt::format("no answer within {:g} s", request.timeout_s)
                               : error.code().message());
  } catch (const std::exception& error) {
    return std::unexpected(error.what());
  }
}

}  // namespace kolosal::track
