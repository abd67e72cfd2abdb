using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace ShopMesh.Hosting;

/// <summary>
/// Ports for what listens on this machine. They lie below the range that the kernel takes for outgoing connections, and
/// below Kubernetes' node ports: so nobody takes one while its process is down, and it can come back on it.
/// </summary>
internal static class Ports
{
    private const int First = 20_000;
    private const int Last = 29_999;
    private static readonly ConcurrentDictionary<int, bool> Given = new();

    public static int Next()
    {
        for (var attempt = 0; attempt < 1_000; attempt++)
        {
            var port = Random.Shared.Next(First, Last + 1);
            if (Given.TryAdd(port, true) && IsFree(port))
                return port;
        }

        throw new ShopException($"No port between {First} and {Last} is free: stop some of what listens there.");
    }

    /// <summary>Whether nobody listens on this port of the loopback addresses.</summary>
    public static bool IsFree(int port) => CanBind(IPAddress.Loopback, port) && (!Socket.OSSupportsIPv6 || CanBind(IPAddress.IPv6Loopback, port));

    private static bool CanBind(IPAddress address, int port)
    {
        using var listener = new TcpListener(address, port);
        try
        {
            listener.Start();
            return true;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode == SocketError.AddressNotAvailable;
        }
    }
}
