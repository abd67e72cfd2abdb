using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using ShopMesh.Ordering.Data;
using ShopMesh.Ordering.Process;

namespace ShopMesh.Ordering.Watching;

/// <summary>
/// Follows orders, on any replica: one connection listens for the notifications of all of them, and a slow look
/// catches what a lost connection missed.
/// </summary>
internal sealed partial class OrderFeed(NpgsqlDataSource database, IServiceScopeFactory scopes, Drain drain, ILogger<OrderFeed> logger) : BackgroundService
{
    private static readonly TimeSpan SlowPoll = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<Channel<bool>, Guid> _watchers = new();

    /// <summary>
    /// Every change of status of a customer's order with its number, from the one after <paramref name="after"/> to the final one.
    /// Ends early when the pod goes, after its drain: clients resume elsewhere, and until then might come back to this one.
    /// </summary>
    public async IAsyncEnumerable<(int Number, StatusChange Change)> WatchAsync(Guid orderId, int after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, drain.Over);
        var changed = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        _watchers[changed] = orderId;
        try
        {
            while (await ReadAsync(orderId, stopping.Token) is { } order)
            {
                for (; after < order.History.Count; after++)
                    yield return (after + 1, order.History[after]);
                if (order.IsFinal || !await WaitAsync(changed.Reader, stopping.Token))
                    yield break;
            }
        }
        finally
        {
            _watchers.TryRemove(changed, out _);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await ListenAsync(stoppingToken);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                LogNotListening(e.Message);
                await Task.Delay(TimeSpan.FromSeconds(1), stoppingToken);
            }
        }
    }

    private async Task ListenAsync(CancellationToken stoppingToken)
    {
        await using var connection = await database.OpenConnectionAsync(stoppingToken);
        connection.Notification += (_, notification) =>
        {
            if (_watchers.IsEmpty)
                return;
            var changed = notification.Payload.Split(',').Select(Guid.Parse).ToHashSet();
            foreach (var (watcher, watched) in _watchers)
            {
                if (changed.Contains(watched))
                    watcher.Writer.TryWrite(true);
            }
        };
        await using (var listen = new NpgsqlCommand($"LISTEN {OrderQueue.StatusChannel}", connection))
            await listen.ExecuteNonQueryAsync(stoppingToken);
        while (true)
            await connection.WaitAsync(stoppingToken);
    }

    private async Task<Order?> ReadAsync(Guid orderId, CancellationToken cancellationToken)
    {
        try
        {
            await using var scope = scopes.CreateAsyncScope();
            return await scope.ServiceProvider.GetRequiredService<OrderingContext>().Orders.AsNoTracking().SingleOrDefaultAsync(order => order.Id == orderId, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    /// <returns>False when there is nothing more to wait for.</returns>
    private static async Task<bool> WaitAsync(ChannelReader<bool> changed, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(SlowPoll);
        try
        {
            await changed.ReadAsync(patience.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // Nothing was heard for a while: look.
        }
        catch (OperationCanceledException)
        {
            return false;
        }

        return true;
    }

    [LoggerMessage(LogLevel.Warning, "Changes of orders are not heard of for a moment: {Reason}")]
    private partial void LogNotListening(string reason);
}

internal static class OrderFeedRegistration
{
    public static void AddOrderFeed(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<OrderFeed>();
        builder.Services.AddHostedService(services => services.GetRequiredService<OrderFeed>());
    }
}
