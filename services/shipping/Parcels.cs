using Npgsql;
using ShopMesh.Shipping.Data;
using Wanted = ShopMesh.Shipping.V1.CreateShipmentsRequest.Types.Order;

namespace ShopMesh.Shipping;

/// <summary>
/// The shipments of orders. Each change is one transaction for any number of orders, in one round trip, whose rows it makes and locks
/// in the order of their ids: so none waits in a circle. What it finds changed already, it leaves.
/// </summary>
/// <returns>Each method returns the shipments as they are then, by the order's id.</returns>
internal sealed class Parcels(NpgsqlDataSource database)
{
    private const string Find = """
        SELECT order_id, id, status, carrier, tracking_number, expected_delivery, created_at, updated_at FROM shipments WHERE order_id = ANY($1)
        """;

    public Task<Dictionary<string, Shipment>> CreateAsync(IReadOnlyCollection<Wanted> orders, CancellationToken cancellationToken)
    {
        Guid[] ids = [.. orders.Select(_ => Guid.CreateVersion7())];
        return RunAsync([.. orders.Select(order => order.OrderId)], cancellationToken,
            Batch.Command("""
                INSERT INTO shipments (order_id, id, status, carrier, tracking_number, rate_id, name, line1, line2, city, postal_code, country, created_at, updated_at)
                SELECT order_id, id, 'Created', carrier, tracking_number, rate_id, name, line1, line2, city, postal_code, country, clock_timestamp(), clock_timestamp()
                FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS wanted (order_id, id, carrier, tracking_number, rate_id, name, line1, line2, city, postal_code, country)
                ORDER BY order_id
                ON CONFLICT DO NOTHING
                """,
                Column(order => order.OrderId), ids, ids.Select(id => Carrier.Assign(id).Company).ToArray(), ids.Select(id => Carrier.Assign(id).TrackingNumber).ToArray(), Column(order => order.RateId),
                Column(order => order.Address.Name), Column(order => order.Address.Line1), Column(order => order.Address.Line2),
                Column(order => order.Address.City), Column(order => order.Address.PostalCode), Column(order => order.Address.Country)));

        string[] Column(Func<Wanted, string> value) => [.. orders.Select(value)];
    }

    public Task<Dictionary<string, Shipment>> CancelAsync(string[] orderIds, CancellationToken cancellationToken) => RunAsync(orderIds, cancellationToken,
        Batch.Command("""
            INSERT INTO shipments (order_id, id, status, created_at, updated_at)
            SELECT order_id, id, 'Cancelled', clock_timestamp(), clock_timestamp() FROM unnest($1, $2) AS cancelled (order_id, id) ORDER BY order_id
            ON CONFLICT (order_id) DO UPDATE SET status = 'Cancelled', updated_at = clock_timestamp() WHERE shipments.status = 'Created'
            """, orderIds, orderIds.Select(_ => Guid.CreateVersion7()).ToArray()));

    public Task<Dictionary<string, Shipment>> DispatchAsync(string[] orderIds, TimeSpan deliveryDelay, CancellationToken cancellationToken) => RunAsync(orderIds, cancellationToken,
        Batch.Command("SELECT FROM shipments WHERE order_id = ANY($1) ORDER BY order_id FOR UPDATE", orderIds),
        new("""
            UPDATE shipments SET status = 'Dispatched', expected_delivery = clock_timestamp() + $2, updated_at = clock_timestamp()
            WHERE order_id = ANY($1) AND status = 'Created'
            """) { Parameters = { new() { Value = orderIds }, new() { Value = deliveryDelay } } });

    public Task<Dictionary<string, Shipment>> FindAsync(string[] orderIds, CancellationToken cancellationToken) => RunAsync(orderIds, cancellationToken);

    private async Task<Dictionary<string, Shipment>> RunAsync(string[] orderIds, CancellationToken cancellationToken, params IEnumerable<NpgsqlBatchCommand> changes)
    {
        // Without a BEGIN, a batch is one transaction.
        await using var batch = database.CreateBatch();
        foreach (var change in changes)
            batch.BatchCommands.Add(change);
        batch.BatchCommands.Add(Batch.Command(Find, orderIds));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        while (reader.FieldCount == 0)
            await reader.NextResultAsync(cancellationToken);
        var shipments = new Dictionary<string, Shipment>();
        while (await reader.ReadAsync(cancellationToken))
        {
            var shipment = new Shipment
            {
                OrderId = reader.GetString(0),
                Id = reader.GetGuid(1),
                Status = Enum.Parse<ShipmentStatus>(reader.GetString(2)),
                Carrier = reader.IsDBNull(3) ? null : reader.GetString(3),
                TrackingNumber = reader.IsDBNull(4) ? null : reader.GetString(4),
                ExpectedDelivery = reader.IsDBNull(5) ? null : reader.GetFieldValue<DateTimeOffset>(5),
                CreatedAt = reader.GetFieldValue<DateTimeOffset>(6),
                UpdatedAt = reader.GetFieldValue<DateTimeOffset>(7),
            };
            shipments.Add(shipment.OrderId, shipment);
        }

        return shipments;
    }
}
