using System.Data;
using Npgsql;
using Ordered = ShopMesh.Basket.V1.RemoveItemsRequest.Types.Order;

namespace ShopMesh.Basket.Data;

/// <summary>A product and how many of it, 1 to 100.</summary>
internal readonly record struct BasketRow(string ProductId, int Quantity);

/// <summary>The hot reads and changes of baskets, in SQL: a customer's are one statement each, ordering's are for any number of customers at once.</summary>
internal sealed class BasketRows(NpgsqlDataSource database)
{
    // It sees the other rows as they were before it, and its own as it has made it.
    private static readonly string Set = $"""
        WITH others AS MATERIALIZED (
            SELECT product_id, quantity, added_at FROM basket_items WHERE customer_id = $1 AND product_id <> $2),
        changed AS (
            INSERT INTO basket_items (customer_id, product_id, quantity, added_at)
            SELECT $1, $2, $3, clock_timestamp() WHERE NOT EXISTS (SELECT FROM others OFFSET {BasketContext.MaxProducts - 1})
            ON CONFLICT (customer_id, product_id) DO UPDATE SET quantity = EXCLUDED.quantity
            RETURNING product_id, quantity, added_at)
        SELECT * FROM changed UNION ALL SELECT * FROM others
        """;

    /// <summary>In the order in which they were added.</summary>
    public async Task<List<BasketRow>> ReadAsync(string customerId, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand("SELECT product_id, quantity, added_at FROM basket_items WHERE customer_id = $1");
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = customerId });
        return await ReadAsync(command, cancellationToken);
    }

    /// <returns>The whole basket as it is then; this product is not in it when it was full.</returns>
    public async Task<List<BasketRow>> SetAsync(string customerId, string productId, int quantity, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(Set);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = customerId });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = productId });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = quantity });
        return await ReadAsync(command, cancellationToken);
    }

    /// <returns>By the customer's id, in the order in which the products were added.</returns>
    public async Task<ILookup<string, BasketRow>> ReadAsync(string[] customerIds, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand("SELECT customer_id, product_id, quantity FROM basket_items WHERE customer_id = ANY($1) ORDER BY added_at, product_id");
        command.Parameters.Add(new() { Value = customerIds });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        List<(string CustomerId, BasketRow Row)> items = [];
        while (await reader.ReadAsync(cancellationToken))
            items.Add((reader.GetString(0), new(reader.GetString(1), reader.GetInt32(2))));
        return items.ToLookup(item => item.CustomerId, item => item.Row);
    }

    /// <summary>
    /// One transaction, in one round trip: an order's mark decides whether anything is left to do for it, and the rows are locked in the
    /// order of their keys.
    /// </summary>
    public async Task RemoveAsync(IReadOnlyCollection<Ordered> orders, CancellationToken cancellationToken)
    {
        // What the orders contain that this transaction has marked. Two orders of one customer may be among them.
        const string Ordered = """
            (SELECT customer_id, product_id, sum(quantity) AS quantity FROM unnest($1, $2, $3, $4) AS line (order_id, customer_id, product_id, quantity)
             WHERE order_id IN (SELECT order_id FROM removed_orders WHERE order_id = ANY($1) AND xmin = pg_current_xact_id()::xid)
             GROUP BY customer_id, product_id) AS ordered
            """;
        const string SameKey = "items.customer_id = ANY($2) AND items.customer_id = ordered.customer_id AND items.product_id = ordered.product_id";

        var lines = orders.SelectMany(order => order.Items, (order, item) => (order.OrderId, order.CustomerId, item.ProductId, item.Quantity)).ToList();
        await using var batch = database.CreateBatch();
        batch.BatchCommands.Add(Batch.Command(
            "INSERT INTO removed_orders (order_id, at) SELECT order_id, clock_timestamp() FROM unnest($1) AS order_id ORDER BY order_id ON CONFLICT DO NOTHING",
            orders.Select(order => order.OrderId).ToArray()));
        foreach (var sql in new[]
        {
            $"SELECT FROM basket_items AS items JOIN {Ordered} ON {SameKey} ORDER BY items.customer_id, items.product_id FOR UPDATE OF items",
            $"DELETE FROM basket_items AS items USING {Ordered} WHERE {SameKey} AND items.quantity <= ordered.quantity",
            $"UPDATE basket_items AS items SET quantity = items.quantity - ordered.quantity FROM {Ordered} WHERE {SameKey}",
        })
        {
            batch.BatchCommands.Add(Batch.Command(
                sql, lines.Select(line => line.OrderId).ToArray(), lines.Select(line => line.CustomerId).ToArray(), lines.Select(line => line.ProductId).ToArray(), lines.Select(line => line.Quantity).ToArray()));
        }

        // Nobody asks again after so long.
        batch.BatchCommands.Add(new("""
            DELETE FROM removed_orders WHERE order_id = ANY(ARRAY(
                SELECT order_id FROM removed_orders WHERE at < statement_timestamp() - interval '30 days' LIMIT 100 FOR UPDATE SKIP LOCKED))
            """));
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    private static async Task<List<BasketRow>> ReadAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        await using var reader = await command.ExecuteReaderAsync(CommandBehavior.SingleResult, cancellationToken);
        List<(DateTime AddedAt, BasketRow Row)> items = [];
        while (await reader.ReadAsync(cancellationToken))
            items.Add((reader.GetDateTime(2), new(reader.GetString(0), reader.GetInt32(1))));
        // PostgreSQL would take longer to prepare for it than this takes.
        return [.. items.OrderBy(item => item.AddedAt).ThenBy(item => item.Row.ProductId, StringComparer.Ordinal).Select(item => item.Row)];
    }
}
