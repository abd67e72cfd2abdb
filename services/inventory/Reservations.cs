using Npgsql;
using ShopMesh.Inventory.Data;

namespace ShopMesh.Inventory;

/// <summary>What an order is to hold: how many of each of its products, at the same places.</summary>
internal sealed record Wish(string OrderId, string[] ProductIds, int[] Quantities);

/// <summary>What a Reserve has come to, for an order.</summary>
internal sealed record Held(ReservationStatus Status, string[] MissingProductIds);

/// <summary>
/// What orders hold. Each call is one transaction for any number of orders, and takes its locks in a fixed order, the orders' rows
/// and then the stock's, each by its id: so none waits in a circle. An order's row says what was done for it, so that asking twice
/// changes nothing.
/// </summary>
internal sealed class Reservations(NpgsqlDataSource database)
{
    private const string LockOrders = "SELECT FROM reservations WHERE order_id = ANY($1) ORDER BY order_id FOR UPDATE";

    /// <summary>Holds every line of an order, or nothing; the answer is kept. Who comes first in the list is served first.</summary>
    /// <returns>What became of each order, by its id.</returns>
    public async Task<Dictionary<string, Held>> ReserveAsync(IReadOnlyList<Wish> wishes, CancellationToken cancellationToken)
    {
        var orders = wishes.DistinctBy(wish => wish.OrderId).ToList();
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);

        var isNew = new HashSet<string>();
        var available = new Dictionary<string, int>();
        await using (var claim = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                // One array for all lines, which each order has its part of: an array of arrays would have to be a rectangle.
                Batch.Command(
                    """
                    INSERT INTO reservations (order_id, status, product_ids, quantities, missing_product_ids, updated_at)
                    SELECT order_id, 'Reserved', ($4::text[])[first:last], ($5::int[])[first:last], '{}', clock_timestamp()
                    FROM unnest($1, $2, $3) AS wish (order_id, first, last) ORDER BY order_id
                    ON CONFLICT DO NOTHING
                    RETURNING order_id
                    """, orders.Select(order => order.OrderId).ToArray(), Firsts(orders).ToArray(), Firsts(orders).Zip(orders, (first, order) => first + order.ProductIds.Length - 1).ToArray(),
                    orders.SelectMany(order => order.ProductIds).ToArray(), orders.SelectMany(order => order.Quantities).ToArray()),
                Batch.Command("SELECT product_id, on_hand - reserved FROM stock WHERE product_id = ANY($1) ORDER BY product_id FOR UPDATE", orders.SelectMany(order => order.ProductIds).Distinct().ToArray()),
            },
        })
        {
            await using var reader = await claim.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
                isNew.Add(reader.GetString(0));
            await reader.NextResultAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
                available[reader.GetString(0)] = reader.GetInt32(1);
        }

        var answers = new Dictionary<string, Held>();
        var taken = new Dictionary<string, int>();
        foreach (var order in orders.Where(order => isNew.Contains(order.OrderId)))
        {
            string[] missing = [.. order.ProductIds.Zip(order.Quantities).Where(line => available.GetValueOrDefault(line.First) < line.Second).Select(line => line.First)];
            answers.Add(order.OrderId, new(missing.Length == 0 ? ReservationStatus.Reserved : ReservationStatus.OutOfStock, missing));
            foreach (var (product, quantity) in missing.Length == 0 ? order.ProductIds.Zip(order.Quantities) : [])
            {
                available[product] -= quantity;
                taken[product] = taken.GetValueOrDefault(product) + quantity;
            }
        }

        await using var book = new NpgsqlBatch(connection);
        if (taken.Count > 0)
        {
            book.BatchCommands.Add(Batch.Command(
                """
                UPDATE stock SET reserved = reserved + line.quantity, updated_at = clock_timestamp()
                FROM unnest($1, $2) AS line (product_id, quantity) WHERE stock.product_id = ANY($1) AND stock.product_id = line.product_id
                """, taken.Keys.ToArray(), taken.Values.ToArray()));
        }

        foreach (var (order, held) in answers.Where(answer => answer.Value.Status is ReservationStatus.OutOfStock))
        {
            book.BatchCommands.Add(new("UPDATE reservations SET status = 'OutOfStock', missing_product_ids = $2 WHERE order_id = $1")
            {
                Parameters = { new() { Value = order }, new() { Value = held.MissingProductIds } },
            });
        }

        string[] earlier = [.. orders.Select(order => order.OrderId).Where(order => !isNew.Contains(order))];
        if (earlier.Length > 0)
            book.BatchCommands.Add(Batch.Command("SELECT order_id, status, missing_product_ids FROM reservations WHERE order_id = ANY($1)", earlier));
        book.BatchCommands.Add(Batch.Commit);
        await using (var reader = await book.ExecuteReaderAsync(cancellationToken))
        {
            do
            {
                while (await reader.ReadAsync(cancellationToken))
                    answers.Add(reader.GetString(0), new(Enum.Parse<ReservationStatus>(reader.GetString(1)), reader.GetFieldValue<string[]>(2)));
            }
            while (await reader.NextResultAsync(cancellationToken));
        }

        return answers;
    }

    /// <summary>Sells what the orders hold.</summary>
    /// <returns>The orders for which it is sold; the others hold nothing.</returns>
    public async Task<HashSet<string>> CommitAsync(string[] orderIds, CancellationToken cancellationToken)
    {
        // One round trip, and without a BEGIN one transaction.
        await using var batch = database.CreateBatch();
        batch.BatchCommands.Add(Batch.Command(LockOrders, orderIds));
        batch.BatchCommands.Add(LockStock(orderIds, "'Reserved'"));
        batch.BatchCommands.Add(Batch.Command(
            """
            WITH committed AS (
                UPDATE reservations SET status = 'Committed', updated_at = clock_timestamp()
                WHERE order_id = ANY($1) AND status = 'Reserved'
                RETURNING order_id, product_ids, quantities),
            line AS (
                SELECT order_id, product_id, quantity FROM committed, unnest(product_ids, quantities) AS l (product_id, quantity)),
            booked AS (
                INSERT INTO ledger (product_id, kind, quantity, order_id, at) SELECT product_id, 'Sold', quantity, order_id, clock_timestamp() FROM line)
            UPDATE stock SET reserved = reserved - pieces.quantity, sold = sold + pieces.quantity, updated_at = clock_timestamp()
            FROM (SELECT product_id, sum(quantity) AS quantity FROM line GROUP BY product_id) AS pieces WHERE stock.product_id = pieces.product_id
            """, orderIds));
        batch.BatchCommands.Add(Batch.Command("SELECT order_id FROM reservations WHERE order_id = ANY($1) AND status = 'Committed'", orderIds));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        var committed = new HashSet<string>();
        do
        {
            while (reader.FieldCount > 0 && await reader.ReadAsync(cancellationToken))
                committed.Add(reader.GetString(0));
        }
        while (await reader.NextResultAsync(cancellationToken));
        return committed;
    }

    /// <summary>Gives back what the orders hold, reserved or committed; an order that holds nothing never will.</summary>
    public async Task ReleaseAsync(string[] orderIds, CancellationToken cancellationToken)
    {
        await using var batch = database.CreateBatch();
        // Tombstones; where there is a row already, this waits for whoever writes it.
        batch.BatchCommands.Add(Batch.Command(
            """
            INSERT INTO reservations (order_id, status, product_ids, quantities, missing_product_ids, updated_at)
            SELECT order_id, 'Released', '{}', '{}', '{}', clock_timestamp() FROM unnest($1) AS order_id ORDER BY order_id
            ON CONFLICT DO NOTHING
            """, orderIds));
        batch.BatchCommands.Add(Batch.Command(LockOrders, orderIds));
        batch.BatchCommands.Add(LockStock(orderIds, "'Reserved', 'Committed'"));
        batch.BatchCommands.Add(Batch.Command(
            """
            WITH held AS (
                SELECT order_id, status, product_ids, quantities FROM reservations WHERE order_id = ANY($1) AND status IN ('Reserved', 'Committed')),
            released AS (
                UPDATE reservations SET status = 'Released', updated_at = clock_timestamp() FROM held WHERE reservations.order_id = ANY($1) AND reservations.order_id = held.order_id),
            line AS (
                SELECT order_id, status, product_id, quantity FROM held, unnest(product_ids, quantities) AS l (product_id, quantity)),
            booked AS (
                INSERT INTO ledger (product_id, kind, quantity, order_id, at)
                SELECT product_id, 'Returned', quantity, order_id, clock_timestamp() FROM line WHERE status = 'Committed')
            UPDATE stock SET reserved = stock.reserved - pieces.reserved, returned = returned + pieces.sold, updated_at = clock_timestamp()
            FROM (SELECT product_id, coalesce(sum(quantity) FILTER (WHERE status = 'Reserved'), 0) AS reserved, coalesce(sum(quantity) FILTER (WHERE status = 'Committed'), 0) AS sold
                  FROM line GROUP BY product_id) AS pieces
            WHERE stock.product_id = pieces.product_id
            """, orderIds));
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Locks the rows of the products that the orders hold, in the order of the products.</summary>
    private static NpgsqlBatchCommand LockStock(string[] orderIds, string statuses) => Batch.Command(
        $"""
        SELECT FROM stock WHERE product_id IN (SELECT unnest(product_ids) FROM reservations WHERE order_id = ANY($1) AND status IN ({statuses}))
        ORDER BY product_id FOR UPDATE
        """, orderIds);

    /// <summary>Where the lines of each order begin among those of all of them, from 1.</summary>
    private static IEnumerable<int> Firsts(IEnumerable<Wish> orders)
    {
        var next = 1;
        foreach (var order in orders)
        {
            yield return next;
            next += order.ProductIds.Length;
        }
    }
}
