using System.Text;
using ShopMesh.Bench.Driving;

namespace ShopMesh.Bench.Tests;

public sealed class HttpConnectionTests
{
    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\ncontent-length: 5\r\n\r\nhello", 200, "hello")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length:0\r\n\r\n", 200, "")]
    [InlineData("HTTP/1.1 204 No Content\r\n\r\n", 204, "")]
    [InlineData("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n", 304, "")]
    [InlineData("HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n", 201, "hello world")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1A\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n", 200, "abcdefghijklmnopqrstuvwxyz")]
    public void An_answer_is_read_when_the_last_of_its_bytes_is_there(string answer, int status, string body)
    {
        // However it was cut on the way.
        for (var length = 0; length < answer.Length; length++)
            Assert.False(HttpConnection.TryRead(Encoding.ASCII.GetBytes(answer[..length]), out _, out _), $"after {length} bytes");

        var bytes = Encoding.ASCII.GetBytes(answer);
        Assert.True(HttpConnection.TryRead(bytes, out var read, out var at));
        Assert.Equal(status, read);
        Assert.Equal(body, Encoding.ASCII.GetString(bytes, at.Start, at.Length));
    }

    [Fact]
    public void A_request_says_whom_it_asks_and_how_long_it_is()
    {
        var request = Encoding.UTF8.GetString(HttpConnection.Request(new("http://127.0.0.1:8080"), "PUT", "/items/1", token: "abc", body: """{"ä":1}"""));
        Assert.Equal("PUT /items/1 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAuthorization: Bearer abc\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{\"ä\":1}", request);
    }
}
