using System.Text.Json.Serialization.Metadata;

namespace ShopMesh;

/// <param name="Shop">Where the gateway is.</param>
public sealed record AuditOptions(Uri Shop)
{
    /// <summary>An administrator; by default the demo data's.</summary>
    public string User { get; init; } = "admin@example.com";

    public string Password { get; init; } = "Passw0rd!";

    /// <summary>How long open orders may take to end.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long the shop may be away.</summary>
    public TimeSpan Reach { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Everything that some customers ever sent, by a client that kept count; rule 5 needs it.</summary>
    public IReadOnlyCollection<SentOrder> Sent { get; init; } = [];

    public TimeProvider Time { get; init; } = TimeProvider.System;
}

/// <summary>How far an audit has come.</summary>
/// <param name="What">What is read, or <c>open orders</c> while it waits for them.</param>
/// <param name="Count">How many of them so far, or still.</param>
public sealed record AuditProgress(string What, int Count);

/// <param name="Offenders">Whatever breaks a rule; empty when all is well.</param>
public sealed record AuditReport(int Orders, int Payments, int Shipments, int Products, IReadOnlyList<Offender> Offenders)
{
    public bool Passed => Offenders.Count == 0;

    public override string ToString() =>
        $"{Orders} orders, {Payments} payments, {Shipments} shipments, {Products} products: {(Passed ? "all is well" : $"{Offenders.Count} offenders{Environment.NewLine}{string.Join(Environment.NewLine, Offenders)}")}";
}

/// <summary>Checks what must always hold over everything in a shop, through its admin API.</summary>
public static class Audit
{
    public const string OpenOrders = "open orders";

    /// <summary>Waits for open orders to end, reads everything while nothing changes, and checks the rules.</summary>
    /// <exception cref="AuditException">The shop cannot be audited.</exception>
    public static async Task<AuditReport> RunAsync(AuditOptions options, IProgress<AuditProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        using var api = new AdminApi(options);
        var start = options.Time.GetTimestamp();
        var shop = await ReadAtRestAsync(api, options, () => options.Time.GetElapsedTime(start) > options.Patience, progress, cancellationToken);
        return new(shop.Orders.Count, shop.Payments.Count, shop.Shipments.Count, shop.Stock.Count, [.. AuditRules.Check(shop, options.Sent).OrderBy(offender => offender.Rule)]);
    }

    private static async Task<ShopSnapshot> ReadAtRestAsync(AdminApi api, AuditOptions options, Func<bool> late, IProgress<AuditProgress>? progress, CancellationToken cancellationToken)
    {
        while (true)
        {
            var orders = await ReadAsync(api, "orders", AuditJson.Default.PageAuditedOrder, progress, cancellationToken);
            if (orders.Exists(order => !order.IsFinal) && !late())
            {
                await WaitForOpenAsync(api, orders, options, late, progress, cancellationToken);
                continue;
            }

            var payments = await ReadAsync(api, "payments", AuditJson.Default.PageAuditedPayment, progress, cancellationToken);
            var shipments = await ReadAsync(api, "shipments", AuditJson.Default.PageAuditedShipment, progress, cancellationToken);
            var stock = await ReadAsync(api, "inventory", AuditJson.Default.PageAuditedStock, progress, cancellationToken);
            if (!await ChangedAsync(api, orders, cancellationToken))
                return new(orders, payments, shipments, stock);
            if (late())
                throw new AuditException($"The shop at {options.Shop} was never at rest in {options.Patience.TotalSeconds} s: stop what places orders, and audit it again.");
        }
    }

    /// <summary>Asks only for what has changed, until all have ended or it is too late.</summary>
    private static async Task WaitForOpenAsync(
        AdminApi api, List<AuditedOrder> orders, AuditOptions options, Func<bool> late, IProgress<AuditProgress>? progress, CancellationToken cancellationToken)
    {
        var open = orders.Where(order => !order.IsFinal).Select(order => order.Id).ToHashSet();
        var latest = orders.Max(order => order.UpdatedAt);
        while (open.Count > 0 && !late())
        {
            progress?.Report(new(OpenOrders, open.Count));
            await Task.Delay(TimeSpan.FromMilliseconds(500), options.Time, cancellationToken);
            // Some seconds back: a transaction may commit after another that began later.
            await foreach (var order in api.ReadAsync("orders", AuditJson.Default.PageAuditedOrder, latest - TimeSpan.FromSeconds(10), cancellationToken))
            {
                latest = order.UpdatedAt > latest ? order.UpdatedAt : latest;
                if (order.IsFinal)
                    open.Remove(order.Id);
                else
                    open.Add(order.Id);
            }
        }

        progress?.Report(new(OpenOrders, open.Count));
    }

    /// <summary>Whether an order came, or went on to another state, since they were read. One that is only tried again changes nothing.</summary>
    private static async Task<bool> ChangedAsync(AdminApi api, List<AuditedOrder> orders, CancellationToken cancellationToken)
    {
        var known = orders.Select(order => (order.Id, order.Status)).ToHashSet();
        DateTimeOffset? since = orders.Count == 0 ? null : orders.Max(order => order.UpdatedAt) - TimeSpan.FromSeconds(10);
        await foreach (var order in api.ReadAsync("orders", AuditJson.Default.PageAuditedOrder, since, cancellationToken))
        {
            if (!known.Contains((order.Id, order.Status)))
                return true;
        }

        return false;
    }

    private static async Task<List<T>> ReadAsync<T>(
        AdminApi api, string list, JsonTypeInfo<Page<T>> type, IProgress<AuditProgress>? progress, CancellationToken cancellationToken)
    {
        var items = new List<T>();
        await foreach (var item in api.ReadAsync(list, type, updatedSince: null, cancellationToken))
        {
            items.Add(item);
            if (items.Count % 100 == 0)
                progress?.Report(new(list, items.Count));
        }

        progress?.Report(new(list, items.Count));
        return items;
    }
}
