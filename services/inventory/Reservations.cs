using Npgsql;
using ShopMesh.Inventory.Data;

namespace ShopMesh.Inventory;

internal sealed record ReservationLine(string ProductId, int Quantity);

internal enum ReserveOutcome
{
    Reserved,
    OutOfStock,
    Released,
}

/// <summary>
/// What orders hold. Each call is one transaction that takes its locks in a fixed order, the order's row and then the stock's
/// by product: so none waits in a circle. The order's row says what was done for it, so that asking twice changes nothing.
/// </summary>
internal sealed class Reservations(NpgsqlDataSource database)
{
    /// <summary>Holds every line, or nothing; the answer is kept.</summary>
    public async Task<(ReserveOutcome Outcome, string[] Missing)> ReserveAsync(string orderId, IReadOnlyCollection<ReservationLine> lines, CancellationToken cancellationToken)
    {
        var (products, quantities) = (lines.Select(line => line.ProductId).ToArray(), lines.Select(line => line.Quantity).ToArray());
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);

        var available = new Dictionary<string, int>();
        await using (var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new("""
                    INSERT INTO reservations (order_id, status, product_ids, quantities, missing_product_ids, updated_at)
                    VALUES ($1, 'Reserved', $2, $3, '{}', clock_timestamp())
                    ON CONFLICT DO NOTHING
                    RETURNING order_id
                    """) { Parameters = { new() { Value = orderId }, new() { Value = products }, new() { Value = quantities } } },
                new("SELECT product_id, on_hand - reserved FROM stock WHERE product_id = ANY($1) ORDER BY product_id FOR UPDATE") { Parameters = { new() { Value = products } } },
            },
        })
        {
            await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
            var isNew = await reader.ReadAsync(cancellationToken);
            await reader.NextResultAsync(cancellationToken);
            while (isNew && await reader.ReadAsync(cancellationToken))
                available[reader.GetString(0)] = reader.GetInt32(1);
            if (!isNew)
            {
                await reader.DisposeAsync();
                return await ReadOutcomeAsync(orderId, connection, cancellationToken);
            }
        }

        string[] missing = [.. lines.Where(line => available.GetValueOrDefault(line.ProductId) < line.Quantity).Select(line => line.ProductId)];
        if (missing.Length == 0)
            await ChangeStockAsync(connection, products, quantities, "reserved = reserved + line.quantity", cancellationToken);
        else
            await ExecuteAsync(connection, "UPDATE reservations SET status = 'OutOfStock', missing_product_ids = $2 WHERE order_id = $1", [new() { Value = orderId }, new() { Value = missing }], cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return (missing.Length == 0 ? ReserveOutcome.Reserved : ReserveOutcome.OutOfStock, missing);
    }

    /// <summary>Sells what the order holds.</summary>
    /// <returns>False when it holds nothing.</returns>
    public async Task<bool> CommitAsync(string orderId, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        if (await LockAsync(orderId, connection, cancellationToken) is not { } held)
            return false;
        if (held.Status is not ReservationStatus.Reserved)
            return held.Status is ReservationStatus.Committed;

        await SetStatusAsync(orderId, ReservationStatus.Committed, connection, cancellationToken);
        await ChangeStockAsync(connection, held.ProductIds, held.Quantities, "reserved = reserved - line.quantity, sold = sold + line.quantity", cancellationToken);
        await AddToLedgerAsync(connection, LedgerKind.Sold, orderId, held, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return true;
    }

    /// <summary>Gives back what the order holds, reserved or committed; an order that holds nothing never will.</summary>
    public async Task ReleaseAsync(string orderId, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        // The tombstone; where there is a row already, this waits for whoever writes it.
        await ExecuteAsync(connection, """
            INSERT INTO reservations (order_id, status, product_ids, quantities, missing_product_ids, updated_at)
            VALUES ($1, 'Released', '{}', '{}', '{}', clock_timestamp())
            ON CONFLICT DO NOTHING
            """, [new() { Value = orderId }], cancellationToken);
        var held = (await LockAsync(orderId, connection, cancellationToken))!;
        if (held.Status is ReservationStatus.Reserved or ReservationStatus.Committed)
        {
            await SetStatusAsync(orderId, ReservationStatus.Released, connection, cancellationToken);
            var wasSold = held.Status is ReservationStatus.Committed;
            await ChangeStockAsync(connection, held.ProductIds, held.Quantities, wasSold ? "returned = returned + line.quantity" : "reserved = reserved - line.quantity", cancellationToken);
            if (wasSold)
                await AddToLedgerAsync(connection, LedgerKind.Returned, orderId, held, cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
    }

    private static async Task<(ReserveOutcome, string[])> ReadOutcomeAsync(string orderId, NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("SELECT status, missing_product_ids FROM reservations WHERE order_id = $1", connection) { Parameters = { new() { Value = orderId } } };
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        var outcome = Enum.Parse<ReservationStatus>(reader.GetString(0)) switch
        {
            ReservationStatus.OutOfStock => ReserveOutcome.OutOfStock,
            ReservationStatus.Released => ReserveOutcome.Released,
            _ => ReserveOutcome.Reserved,
        };
        return (outcome, reader.GetFieldValue<string[]>(1));
    }

    private static async Task<Held?> LockAsync(string orderId, NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("SELECT status, product_ids, quantities FROM reservations WHERE order_id = $1 FOR UPDATE", connection) { Parameters = { new() { Value = orderId } } };
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken)
            ? new(Enum.Parse<ReservationStatus>(reader.GetString(0)), reader.GetFieldValue<string[]>(1), reader.GetFieldValue<int[]>(2))
            : null;
    }

    private static Task SetStatusAsync(string orderId, ReservationStatus status, NpgsqlConnection connection, CancellationToken cancellationToken) => ExecuteAsync(
        connection, "UPDATE reservations SET status = $2, updated_at = clock_timestamp() WHERE order_id = $1", [new() { Value = orderId }, new() { Value = status.ToString() }], cancellationToken);

    /// <summary>Locks the products' rows in their order, then changes them.</summary>
    private static async Task ChangeStockAsync(NpgsqlConnection connection, string[] products, int[] quantities, string assignments, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new("SELECT FROM stock WHERE product_id = ANY($1) ORDER BY product_id FOR UPDATE") { Parameters = { new() { Value = products } } },
                new($"""
                    UPDATE stock SET {assignments}, updated_at = clock_timestamp()
                    FROM unnest($1, $2) AS line (product_id, quantity)
                    WHERE stock.product_id = line.product_id
                    """) { Parameters = { new() { Value = products }, new() { Value = quantities } } },
            },
        };
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    private static Task AddToLedgerAsync(NpgsqlConnection connection, LedgerKind kind, string orderId, Held held, CancellationToken cancellationToken) => ExecuteAsync(
        connection,
        "INSERT INTO ledger (product_id, kind, quantity, order_id, at) SELECT product_id, $3, quantity, $4, clock_timestamp() FROM unnest($1, $2) AS line (product_id, quantity)",
        [new() { Value = held.ProductIds }, new() { Value = held.Quantities }, new() { Value = kind.ToString() }, new() { Value = orderId }],
        cancellationToken);

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, NpgsqlParameter[] parameters, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        command.Parameters.AddRange(parameters);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private sealed record Held(ReservationStatus Status, string[] ProductIds, int[] Quantities);
}
