using System.Buffers.Text;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using ShopMesh.Hosting;

namespace ShopMesh.Bench.Driving;

/// <summary>
/// One connection of HTTP/1.1 that is kept, and no more than that: what is measured shares the machine with who asks,
/// and an HttpClient takes as much of it as a small service does.
/// </summary>
internal sealed class HttpConnection(Uri address) : IDisposable
{
    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private byte[] _buffer = new byte[16 * 1024];
    private bool _connected;

    /// <summary>The bytes of a request.</summary>
    public static byte[] Request(Uri address, string method, string path, string? token = null, string? body = null, string headers = "")
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{method} {path} HTTP/1.1\r\nHost: {address.Authority}\r\n{headers}");
        if (token is not null)
            text.Append(CultureInfo.InvariantCulture, $"Authorization: Bearer {token}\r\n");
        if (body is not null)
            text.Append(CultureInfo.InvariantCulture, $"Content-Type: application/json\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n");
        return Encoding.UTF8.GetBytes(text.Append("\r\n").Append(body).ToString());
    }

    /// <returns>The body, until the next request.</returns>
    /// <exception cref="RefusedException">It was not answered with success.</exception>
    public async ValueTask<ReadOnlyMemory<byte>> SendAsync(ReadOnlyMemory<byte> request, CancellationToken cancellationToken)
    {
        if (!_connected)
        {
            await _socket.ConnectAsync(address.Host, address.Port, cancellationToken);
            _connected = true;
        }

        await _socket.SendAsync(request, cancellationToken);
        var length = 0;
        while (true)
        {
            if (length == _buffer.Length)
                Array.Resize(ref _buffer, 2 * length);
            var read = await _socket.ReceiveAsync(_buffer.AsMemory(length), cancellationToken);
            if (read == 0)
                throw new ShopException($"{address} closed a connection instead of answering.");
            length += read;
            if (!TryRead(_buffer.AsSpan(0, length), out var status, out var body))
                continue;
            var content = _buffer.AsMemory(body.Start, body.Length);
            return status is >= 200 and < 300
                ? content
                : throw new RefusedException(status, $"{address} answered {status} to {FirstLine(request.Span)}: {Encoding.UTF8.GetString(content.Span)}");
        }
    }

    public void Dispose() => _socket.Dispose();

    /// <summary>Finds the body of a whole answer, and puts the pieces of a chunked one together, in place.</summary>
    /// <returns>False while something is missing.</returns>
    internal static bool TryRead(Span<byte> answer, out int status, out (int Start, int Length) body)
    {
        status = 0;
        body = default;
        var end = answer.IndexOf("\r\n\r\n"u8);
        if (end < 0 || !Utf8Parser.TryParse(answer[9..12], out status, out _))
            return false;
        var head = answer[..end];
        var start = end + 4;
        if (status is 204 or 304)
        {
            body = (start, 0);
            return true;
        }

        var length = Value(head, "\r\ncontent-length:"u8);
        if (!length.IsEmpty)
        {
            _ = Utf8Parser.TryParse(length, out int bytes, out _);
            body = (start, bytes);
            return answer.Length >= start + bytes;
        }

        var (from, to) = (start, start);
        // First only look whether it is whole: what was moved cannot be read again.
        for (var pass = 1; pass <= 2; pass++)
        {
            (from, to) = (start, start);
            while (true)
            {
                var line = answer[from..].IndexOf("\r\n"u8);
                if (line < 0 || !Utf8Parser.TryParse(answer.Slice(from, line), out int size, out _, 'x'))
                    return false;
                from += line + 2;
                if (answer.Length < from + size + 2)
                    return false;
                if (size == 0)
                    break;
                if (pass == 2)
                    answer.Slice(from, size).CopyTo(answer[to..]);
                to += size;
                from += size + 2;
            }
        }

        body = (start, to - start);
        return true;
    }

    private static ReadOnlySpan<byte> Value(ReadOnlySpan<byte> head, ReadOnlySpan<byte> name)
    {
        for (var at = 0; at <= head.Length - name.Length; at++)
        {
            if (head[at] == '\r' && Ascii.EqualsIgnoreCase(head.Slice(at, name.Length), name))
            {
                var value = head[(at + name.Length)..];
                var end = value.IndexOf((byte)'\r');
                value = end < 0 ? value : value[..end];
                return value[Ascii.Trim(value)];
            }
        }

        return default;
    }

    private static string FirstLine(ReadOnlySpan<byte> request) => Encoding.UTF8.GetString(request[..request.IndexOf((byte)'\r')]);
}

/// <summary>An answer that is no success.</summary>
internal sealed class RefusedException(int status, string message) : ShopException(message)
{
    public int Status => status;
}
