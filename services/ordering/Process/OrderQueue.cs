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
    /// <summary>The channel on which a change of status is notified, with the order's id.</summary>
    public const string StatusChannel = "order_status";

    /// <summary>Longer than a step (<see cref="OrderProcess.StepDeadline"/>), and short enough for another replica to take over within 10 s.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(8);

    /// <summary>How long a new order is left to the replica that placed it, which holds it as lease 0; a default of its column.</summary>
    public static readonly TimeSpan HeadStart = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan FirstBackoff = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan MaxBackoff = TimeSpan.FromSeconds(5);

    /// <summary>Takes the orders that have been due for longest, and none that another worker is about to take.</summary>
    public async Task<List<Order>> TakeAsync(int limit, CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        return await scope.ServiceProvider.GetRequiredService<OrderingContext>().Orders.FromSql($"""
            UPDATE orders SET lease = lease + 1, due_at = clock_timestamp() + {Lease}
            WHERE id = ANY(ARRAY(
                SELECT id FROM orders WHERE due_at <= clock_timestamp()
                ORDER BY due_at LIMIT {limit} FOR UPDATE SKIP LOCKED))
            RETURNING *
            """).AsNoTracking().ToListAsync(cancellationToken);
    }

    /// <summary>Saves what follows from a step with its part of the history, and keeps the order or, if it has to wait, lets go of it.</summary>
    /// <returns>Whether it was saved; if not, the lease was lost.</returns>
    public Task<bool> SaveAsync(Order order, Transition transition, CancellationToken cancellationToken) => UpdateAsync(
        order,
        """
        step = @step,
        due_at = CASE WHEN @step <> 'Done' THEN clock_timestamp() + @wait END,
        status = coalesce(@status, status),
        history = CASE WHEN @status IS NULL THEN history ELSE history || jsonb_build_object('status', lower(@status), 'at', clock_timestamp()) END,
        reason = CASE WHEN @status IS DISTINCT FROM 'Cancelled' THEN coalesce(@reason, reason) END,
        card_brand = coalesce(@card_brand, card_brand),
        card_last4 = coalesce(@card_last4, card_last4),
        carrier = coalesce(@carrier, carrier),
        tracking_number = coalesce(@tracking_number, tracking_number),
        attempts = 0,
        last_error = NULL
        """,
        notify: transition.Status is not null,
        [
            Text("step", transition.Step.ToString()),
            Text("status", transition.Status?.ToString()),
            Text("reason", transition.Reason),
            Text("card_brand", transition.CardBrand),
            Text("card_last4", transition.CardLast4),
            Text("carrier", transition.Carrier),
            Text("tracking_number", transition.TrackingNumber),
            new NpgsqlParameter<TimeSpan>("wait", transition.After > TimeSpan.Zero ? transition.After : Lease),
        ],
        cancellationToken);

    /// <summary>Counts and keeps why the step has to be tried again, and lets go of the order for a while: jittered, doubled each time, at most 5 s.</summary>
    public Task<bool> BackOffAsync(Order order, string error, CancellationToken cancellationToken)
    {
        var longest = FirstBackoff * Math.Pow(2, Math.Min(order.Attempts, 10));
        var wait = (longest < MaxBackoff ? longest : MaxBackoff) * (0.5 + (Random.Shared.NextDouble() / 2));
        return UpdateAsync(
            order,
            "attempts = attempts + 1, last_error = @error, due_at = clock_timestamp() + @wait",
            notify: false,
            [Text("error", error.Length <= 500 ? error : error[..500]), new NpgsqlParameter<TimeSpan>("wait", wait)],
            cancellationToken);
    }

    /// <summary>Lets go of an order that others can go on with at once.</summary>
    public Task<bool> LetGoAsync(Order order, CancellationToken cancellationToken) =>
        UpdateAsync(order, "due_at = clock_timestamp()", notify: false, [], cancellationToken);

    private async Task<bool> UpdateAsync(Order order, string assignments, bool notify, NpgsqlParameter[] parameters, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand($"""
            WITH saved AS (
                UPDATE orders SET {assignments}, updated_at = clock_timestamp()
                WHERE id = @id AND lease = @lease
                RETURNING id)
            SELECT {(notify ? $"pg_notify('{StatusChannel}', id::text)" : "id")} FROM saved
            """);
        command.Parameters.AddRange(parameters);
        command.Parameters.Add(new NpgsqlParameter<Guid>("id", order.Id));
        command.Parameters.Add(new NpgsqlParameter<long>("lease", order.Lease));
        await using var saved = await command.ExecuteReaderAsync(cancellationToken);
        return await saved.ReadAsync(cancellationToken);
    }

    private static NpgsqlParameter Text(string name, string? value) => new(name, NpgsqlDbType.Text) { Value = (object?)value ?? DBNull.Value };
}
