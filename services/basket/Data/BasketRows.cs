using Npgsql;
using Ordered = ShopMesh.Basket.V1.RemoveItemsRequest.Types.Order;

namespace ShopMesh.Basket.Data;

/// <summary>A product and how many of it, 1 to 100.</summary>
internal readonly record struct BasketRow(string ProductId, int Quantity);

/// <summary>
/// The reads and changes of baskets, in SQL, for any number of customers at once. What customers change at the same moment is one
/// statement, and one commit.
/// </summary>
internal sealed class BasketRows
{
    // It sees the other rows as they were before it, and its own as it has made them.
    private static readonly string Set = $"""
        WITH asked AS MATERIALIZED (
            SELECT * FROM unnest($1, $2, $3) AS asked (customer_id, product_id, quantity)),
        others AS MATERIALIZED (
            SELECT items.customer_id, items.product_id, items.quantity, items.added_at FROM basket_items AS items JOIN asked USING (customer_id)
            WHERE items.customer_id = ANY($1) AND items.product_id <> asked.product_id),
        changed AS (
            INSERT INTO basket_items (customer_id, product_id, quantity, added_at)
            SELECT customer_id, product_id, quantity, clock_timestamp() FROM asked
            WHERE customer_id NOT IN (SELECT customer_id FROM others GROUP BY customer_id HAVING count(*) >= {BasketContext.MaxProducts})
            ORDER BY customer_id, product_id
            ON CONFLICT (customer_id, product_id) DO UPDATE SET quantity = EXCLUDED.quantity
            RETURNING customer_id, product_id, quantity, added_at)
        SELECT * FROM changed UNION ALL SELECT * FROM others
        """;

    private readonly NpgsqlDataSource _database;
    private readonly Batcher<Change, List<BasketRow>> _changes;

    public BasketRows(NpgsqlDataSource database) => (_database, _changes) = (database, new("change baskets", SetAsync));

    /// <returns>The whole basket as it is then; this product is not in it when it was full.</returns>
    public Task<List<BasketRow>> SetAsync(string customerId, string productId, int quantity, CancellationToken cancellationToken) =>
        _changes.RunAsync(new(customerId, productId, quantity)).WaitAsync(cancellationToken);

    /// <returns>By the customer's id, in the order in which the products were added.</returns>
    public Task<ILookup<string, BasketRow>> ReadAsync(string[] customerIds, CancellationToken cancellationToken) =>
        ReadAsync(Batch.Command("SELECT customer_id, product_id, quantity, added_at FROM basket_items WHERE customer_id = ANY($1)", customerIds), cancellationToken);

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
        await using var batch = _database.CreateBatch();
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

    private async Task<IReadOnlyList<List<BasketRow>>> SetAsync(IReadOnlyList<Change> changes)
    {
        var baskets = new Dictionary<Change, List<BasketRow>>(ReferenceEqualityComparer.Instance);
        // A statement cannot change a row twice, and a second change of a customer's sees the first: it is of the next statement.
        foreach (var turn in changes.GroupBy(change => change.CustomerId).SelectMany(customers => customers.Index()).GroupBy(change => change.Index, change => change.Item))
        {
            var rows = await ReadAsync(
                Batch.Command(Set, turn.Select(change => change.CustomerId).ToArray(), turn.Select(change => change.ProductId).ToArray(), turn.Select(change => change.Quantity).ToArray()), CancellationToken.None);
            foreach (var change in turn)
                baskets[change] = [.. rows[change.CustomerId]];
        }

        return [.. changes.Select(change => baskets[change])];
    }

    /// <returns>By the customer's id, in the order in which the products were added.</returns>
    private async Task<ILookup<string, BasketRow>> ReadAsync(NpgsqlBatchCommand statement, CancellationToken cancellationToken)
    {
        await using var batch = _database.CreateBatch();
        batch.BatchCommands.Add(statement);
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        List<(string CustomerId, DateTime AddedAt, BasketRow Row)> items = [];
        while (await reader.ReadAsync(cancellationToken))
            items.Add((reader.GetString(0), reader.GetDateTime(3), new(reader.GetString(1), reader.GetInt32(2))));
        // PostgreSQL would take longer to prepare for it than this takes.
        return items.OrderBy(item => item.AddedAt).ThenBy(item => item.Row.ProductId, StringComparer.Ordinal).ToLookup(item => item.CustomerId, item => item.Row);
    }

    private sealed record Change(string CustomerId, string ProductId, int Quantity);
}
