using Grpc.Core;
using Microsoft.EntityFrameworkCore;
using ShopMesh.Ordering.Data;
using ShippingClient = ShopMesh.Shipping.V1.Shipping.ShippingClient;

namespace ShopMesh.Ordering.Placing;

/// <summary>
/// Shipping's rates, asked for again when they are older than 5 s. The last good copy is kept in the database,
/// so that orders can be placed while shipping is away, also after a restart.
/// </summary>
internal sealed partial class RateCard(ShippingClient shipping, IServiceScopeFactory scopes, TimeProvider time, ILogger<RateCard> logger) : BackgroundService
{
    private static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim _oneAtATime = new(1);
    private volatile Copy? _copy;

    /// <returns>The price of a shipping option; null when there is none of that id.</returns>
    /// <exception cref="RpcException">Shipping is away, and there is no copy yet.</exception>
    public async ValueTask<Money?> FindAsync(string option, CancellationToken cancellationToken) =>
        (await GetAsync(cancellationToken)).TryGetValue(option, out var price) ? price : null;

    public override void Dispose()
    {
        _oneAtATime.Dispose();
        base.Dispose();
    }

    /// <summary>Gets a first copy before the first order needs one.</summary>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), time);
        while (_copy is null && await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await GetAsync(stoppingToken);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                LogNoRates(e.Message);
            }
        }
    }

    private async ValueTask<IReadOnlyDictionary<string, Money>> GetAsync(CancellationToken cancellationToken)
    {
        if (_copy is { } fresh && time.GetUtcNow() < fresh.CheckAgainAt)
            return fresh.Prices;
        await _oneAtATime.WaitAsync(cancellationToken);
        try
        {
            if (_copy is { } renewed && time.GetUtcNow() < renewed.CheckAgainAt)
                return renewed.Prices;
            return (_copy = new(await AskAsync(cancellationToken), time.GetUtcNow() + MaxAge)).Prices;
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    private async Task<Dictionary<string, Money>> AskAsync(CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        var context = scope.ServiceProvider.GetRequiredService<OrderingContext>();
        var kept = await context.ShippingRates.ToDictionaryAsync(rate => rate.Id, cancellationToken);
        try
        {
            var answer = await shipping.GetRatesAsync(new(), deadline: time.GetUtcNow().UtcDateTime + Deadline, cancellationToken: cancellationToken);
            var rates = answer.Rates.ToDictionary(rate => rate.Id, rate => Money.FromMessage(rate.Price));
            if (rates.Count != kept.Count || rates.Any(rate => !kept.TryGetValue(rate.Key, out var old) || old.Price != rate.Value.Amount))
                await KeepAsync(context, rates, cancellationToken);
            return rates;
        }
        catch (RpcException e) when (kept.Count > 0 && !cancellationToken.IsCancellationRequested)
        {
            LogAway(e.Status.Detail);
            return kept.Values.ToDictionary(rate => rate.Id, rate => new Money(rate.Price));
        }
    }

    /// <summary>Replaces the copy; replicas that do so at once write the same.</summary>
    private static async Task KeepAsync(OrderingContext context, Dictionary<string, Money> rates, CancellationToken cancellationToken)
    {
        await using var transaction = await context.Database.BeginTransactionAsync(cancellationToken);
        await context.Database.ExecuteSqlAsync($"LOCK TABLE shipping_rates IN EXCLUSIVE MODE", cancellationToken);
        await context.ShippingRates.ExecuteDeleteAsync(cancellationToken);
        context.ChangeTracker.Clear();
        context.AddRange(rates.Select(rate => new ShippingRate { Id = rate.Key, Price = rate.Value.Amount }));
        await context.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    [LoggerMessage(LogLevel.Information, "No shipping rates yet: {Reason}")]
    private partial void LogNoRates(string reason);

    [LoggerMessage(LogLevel.Warning, "Shipping is away, its last good rates are used: {Reason}")]
    private partial void LogAway(string reason);

    private sealed record Copy(IReadOnlyDictionary<string, Money> Prices, DateTimeOffset CheckAgainAt);
}

internal static class PlacingRegistration
{
    public static void AddPlacing(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<RateCard>();
        builder.Services.AddHostedService(services => services.GetRequiredService<RateCard>());
        builder.Services.AddSingleton<PlacedOrders>();
        builder.Services.AddSingleton<PlaceOrder>();
    }
}
