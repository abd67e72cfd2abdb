using Microsoft.EntityFrameworkCore;

namespace ShopMesh.Shipping.Data;

internal sealed class ShippingContext(DbContextOptions<ShippingContext> options) : DbContext(options)
{
    public DbSet<Shipment> Shipments => Set<Shipment>();

    protected override void OnModelCreating(ModelBuilder modelBuilder) => modelBuilder.Entity<Shipment>(shipment =>
    {
        shipment.HasKey(s => s.OrderId);
        shipment.Property(s => s.OrderId).HasMaxLength(64);
        shipment.Property(s => s.Status).HasConversion<string>();
        shipment.HasIndex(s => s.Id).IsUnique();
        shipment.HasIndex(s => new { s.UpdatedAt, s.Id });
        // What is on its way.
        shipment.HasIndex(s => s.ExpectedDelivery).HasFilter("status = 'Dispatched'");
    });
}
