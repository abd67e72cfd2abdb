using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using ShopMesh.Ordering.Data;

namespace ShopMesh.Ordering.Process;

/// <summary>
/// The orders that wait for their next step: a work list in the database, shared by any number of replicas.
/// A worker holds an order by a lease: <c>due_at</c> lies ahead, and <c>lease</c> has the worker's number. Every save is
/// conditional on that number, since a worker that was paused for longer may still wake up.
/// </summary>
internal sealed class OrderQueue(NpgsqlDataSource database, IServiceScopeFactory scopes)
{
    /// <summary>The channel on which changes of status are notified, with the orders' ids, separated by commas.</summary>
    public const string StatusChannel = "order_status";

    /// <summary>Longer than a step (<see cref="OrderProcess.StepDeadline"/>), and short enough for another replica to take over within 10 s.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(8);

    /// <summary>How long the customer is kept waiting for the first step of a new order.</summary>
    public static readonly TimeSpan HeadStart = TimeSpan.FromSeconds(1);

    /// <summary>Takes the orders that have been due for longest, and none that another worker is about to take.</summary>
    /// <remarks>
    /// The columns have names: a prepared statement that returns whatever there is would fail once the next version has added one. And
    /// what is due is so by the statement's time: no index can be followed up to a clock that runs on.
    /// </remarks>
    public async Task<List<Order>> TakeAsync(int limit, CancellationToken cancellationToken)
    {
        var since = Stopwatch.GetTimestamp();
        await using var scope = scopes.CreateAsyncScope();
        var taken = await scope.ServiceProvider.GetRequiredService<OrderingContext>().Orders.FromSql($"""
            UPDATE orders SET lease = lease + 1, due_at = clock_timestamp() + {Lease}
            WHERE id = ANY(ARRAY(
                SELECT id FROM orders WHERE due_at <= statement_timestamp()
                ORDER BY due_at LIMIT {limit} FOR UPDATE SKIP LOCKED))
            RETURNING id, customer_id, status, reason, lines, items_total, shipping_total, shipping_address, shipping_option, payment_token, card_brand, card_last4, carrier, tracking_number,
                history, created_at, updated_at, step, cancel_requested, lease, due_at, attempts, last_error, trace_parent
            """).AsNoTracking().ToListAsync(cancellationToken);
        taken.ForEach(order => order.HeldSince = since);
        return taken;
    }

    /// <summary>
    /// Saves what follows from a step, with its part of the history, for any number of orders in one statement. An order is kept, or,
    /// if it has to wait or to be tried again, let go of. Two workers that both believe to have the same orders might wait in a circle:
    /// the database breaks it, and the one that failed saves each by itself.
    /// </summary>
    /// <returns>For each whether it was saved; if not, its lease was lost.</returns>
    public async Task<IReadOnlyList<bool>> SaveAsync(IReadOnlyList<Change> changes)
    {
        var since = Stopwatch.GetTimestamp();
        await using var command = database.CreateCommand($"""
            WITH saved AS (
                UPDATE orders SET
                    step = change.step,
                    due_at = CASE WHEN change.step <> 'Done' THEN clock_timestamp() + change.wait END,
                    status = coalesce(change.status, orders.status),
                    history = CASE WHEN change.status IS NULL THEN history ELSE history || jsonb_build_object('status', lower(change.status), 'at', clock_timestamp()) END,
                    reason = CASE WHEN change.status IS DISTINCT FROM 'Cancelled' THEN coalesce(change.reason, orders.reason) END,
                    card_brand = coalesce(change.card_brand, orders.card_brand),
                    card_last4 = coalesce(change.card_last4, orders.card_last4),
                    carrier = coalesce(change.carrier, orders.carrier),
                    tracking_number = coalesce(change.tracking_number, orders.tracking_number),
                    attempts = change.attempts,
                    last_error = change.error,
                    updated_at = clock_timestamp()
                FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
                    AS change (id, lease, step, wait, status, reason, card_brand, card_last4, carrier, tracking_number, attempts, error)
                WHERE orders.id = ANY($1) AND orders.id = change.id AND orders.lease = change.lease
                RETURNING orders.id, orders.lease, change.status)
            SELECT array_agg(id), array_agg(lease), CASE WHEN count(status) > 0 THEN pg_notify('{StatusChannel}', string_agg(id::text, ',') FILTER (WHERE status IS NOT NULL)) END FROM saved
            """);
        command.Parameters.AddRange((NpgsqlParameter[])
        [
            Column(NpgsqlDbType.Uuid, change => change.Order.Id),
            Column(NpgsqlDbType.Bigint, change => change.Order.Lease),
            Column(NpgsqlDbType.Text, change => change.Step.ToString()),
            Column(NpgsqlDbType.Interval, change => change.Wait),
            Column(NpgsqlDbType.Text, change => change.Transition.Status?.ToString()),
            Column(NpgsqlDbType.Text, change => change.Transition.Reason),
            Column(NpgsqlDbType.Text, change => change.Transition.CardBrand),
            Column(NpgsqlDbType.Text, change => change.Transition.CardLast4),
            Column(NpgsqlDbType.Text, change => change.Transition.Carrier),
            Column(NpgsqlDbType.Text, change => change.Transition.TrackingNumber),
            Column(NpgsqlDbType.Integer, change => change.Attempts),
            Column(NpgsqlDbType.Text, change => change.Error),
        ]);
        await using var reader = await command.ExecuteReaderAsync();
        await reader.ReadAsync();
        HashSet<(Guid, long)> saved = reader.IsDBNull(0) ? [] : [.. reader.GetFieldValue<Guid[]>(0).Zip(reader.GetFieldValue<long[]>(1))];
        foreach (var change in changes)
            change.Order.HeldSince = since;
        return [.. changes.Select(change => saved.Contains((change.Order.Id, change.Order.Lease)))];

        NpgsqlParameter Column<T>(NpgsqlDbType type, Func<Change, T> value) => new() { NpgsqlDbType = NpgsqlDbType.Array | type, Value = changes.Select(value).ToArray() };
    }
}

/// <summary>What is to be saved of an order.</summary>
/// <param name="IsStopping">Nobody here goes on with it: others can at once.</param>
internal sealed record Change(Order Order, Transition Transition, bool IsStopping)
{
    private static readonly TimeSpan FirstBackoff = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan MaxBackoff = TimeSpan.FromSeconds(5);

    private bool IsRetry => Transition.Retry is not null;

    /// <summary>A step that failed is the next one again.</summary>
    public OrderStep Step => IsRetry ? Order.Step : Transition.Step;

    /// <summary>How often the step has failed in a row.</summary>
    public int Attempts => IsRetry ? Order.Attempts + 1 : 0;

    /// <summary>Why it failed, in 500 characters.</summary>
    public string? Error => Transition.Retry is { Length: > 500 } error ? error[..500] : Transition.Retry;

    /// <summary>Until anyone may take the order.</summary>
    public TimeSpan Wait =>
        IsRetry ? Backoff(Order.Attempts)
        : Transition.After > TimeSpan.Zero ? Transition.After
        : IsStopping ? TimeSpan.Zero
        : OrderQueue.Lease;

    /// <summary>Jittered, doubled each time, at most 5 s.</summary>
    private static TimeSpan Backoff(int attempts)
    {
        var longest = FirstBackoff * Math.Pow(2, Math.Min(attempts, 10));
        return (longest < MaxBackoff ? longest : MaxBackoff) * (0.5 + (Random.Shared.NextDouble() / 2));
    }
}
