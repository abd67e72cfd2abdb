using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Npgsql;
using NpgsqlTypes;
using ShopMesh.Ordering.Api;
using ShopMesh.Ordering.Data;
using ShopMesh.Ordering.Process;

namespace ShopMesh.Ordering.Placing;

/// <summary>What a customer names a request with.</summary>
internal sealed record PlacementKey(string CustomerId, string IdempotencyKey);

/// <summary>What a key was used for.</summary>
/// <param name="Hash">SHA-256 over the request's values.</param>
/// <param name="Receipt">The order as it was answered with 201, in JSON.</param>
internal sealed record EarlierRequest(byte[] Hash, string Receipt);

/// <summary>The orders that were placed, by their keys.</summary>
internal sealed class PlacedOrders(NpgsqlDataSource database)
{
    /// <returns>The request that a key was used for, if it was.</returns>
    public async Task<EarlierRequest?> FindAsync(PlacementKey key, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand("SELECT request_hash, receipt FROM placed_orders WHERE customer_id = $1 AND idempotency_key = $2");
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = key.CustomerId });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = key.IdempotencyKey });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken) ? new(reader.GetFieldValue<byte[]>(0), reader.GetString(1)) : null;
    }

    /// <summary>Writes orders, with their keys and their answers, in one statement.</summary>
    /// <param name="held">Those that a worker here has in hand: they are its as if it had taken them.</param>
    /// <returns>The orders that were written; the key of any other is taken.</returns>
    public async Task<HashSet<Guid>> WriteAsync(IReadOnlyList<Placement.Draft> drafts, IReadOnlySet<Guid> held)
    {
        // Inserted in the order of the keys: two statements with the same ones do not wait in a circle.
        await using var command = database.CreateCommand("""
            WITH draft AS (
                SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
                    AS d (id, customer_id, idempotency_key, request_hash, receipt, lines, items_total, shipping_total, shipping_address, shipping_option,
                        payment_token, card_brand, card_last4, history, created_at, trace_parent, wait)),
            placed AS (
                INSERT INTO placed_orders (customer_id, idempotency_key, request_hash, order_id, receipt)
                SELECT customer_id, idempotency_key, request_hash, id, receipt FROM draft ORDER BY customer_id, idempotency_key
                ON CONFLICT (customer_id, idempotency_key) DO NOTHING
                RETURNING order_id)
            INSERT INTO orders (id, customer_id, status, step, lines, items_total, shipping_total, shipping_address, shipping_option, payment_token, card_brand, card_last4,
                history, created_at, updated_at, trace_parent, due_at, lease, attempts, cancel_requested)
            SELECT id, customer_id, 'Submitted', 'Reserve', lines, items_total, shipping_total, shipping_address, shipping_option, payment_token, card_brand, card_last4,
                history, created_at, created_at, trace_parent, clock_timestamp() + wait, 0, 0, false
            FROM draft WHERE id IN (SELECT order_id FROM placed)
            RETURNING id
            """);
        command.Parameters.AddRange((NpgsqlParameter[])
        [
            Column(NpgsqlDbType.Uuid, draft => draft.Order.Id),
            Column(NpgsqlDbType.Text, draft => draft.Key.CustomerId),
            Column(NpgsqlDbType.Text, draft => draft.Key.IdempotencyKey),
            Column(NpgsqlDbType.Bytea, draft => draft.Hash),
            Column(NpgsqlDbType.Json, draft => Json(draft.Receipt, OrderingJson.Default.OrderResponse)),
            Column(NpgsqlDbType.Jsonb, draft => Json(draft.Order.Lines, OrderingJson.Default.ListOrderLine)),
            Column(NpgsqlDbType.Numeric, draft => draft.Order.ItemsTotal),
            Column(NpgsqlDbType.Numeric, draft => draft.Order.ShippingTotal),
            Column(NpgsqlDbType.Jsonb, draft => Json(draft.Order.ShippingAddress, OrderingJson.Default.ShippingAddress)),
            Column(NpgsqlDbType.Text, draft => draft.Order.ShippingOption),
            Column(NpgsqlDbType.Text, draft => draft.Order.PaymentToken),
            Column(NpgsqlDbType.Text, draft => draft.Order.CardBrand),
            Column(NpgsqlDbType.Text, draft => draft.Order.CardLast4),
            Column(NpgsqlDbType.Jsonb, draft => Json(draft.Order.History, OrderingJson.Default.ListStatusChange)),
            Column(NpgsqlDbType.TimestampTz, draft => draft.Order.CreatedAt),
            Column(NpgsqlDbType.Text, draft => draft.Order.TraceParent),
            Column(NpgsqlDbType.Interval, draft => held.Contains(draft.Order.Id) ? OrderQueue.Lease : TimeSpan.Zero),
        ]);
        await using var reader = await command.ExecuteReaderAsync();
        var written = new HashSet<Guid>();
        while (await reader.ReadAsync())
            written.Add(reader.GetGuid(0));
        return written;

        NpgsqlParameter Column<T>(NpgsqlDbType type, Func<Placement.Draft, T> value) => new() { NpgsqlDbType = NpgsqlDbType.Array | type, Value = drafts.Select(value).ToArray() };

        static string Json<T>(T value, JsonTypeInfo<T> json) => JsonSerializer.Serialize(value, json);
    }
}
